import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { columnType } from './columns.js';
import type { CataloguedTrait, TraitEntity, TraitType, TypeCount } from './types.js';
import { commonValues } from './values.js';
import type { TraitValues } from './values.js';

/** Of how many traits of users, and of companies, common values are given: those that the most have. */
const valuedTraits = 1000;

/**
 * Every trait of a workspace that was ever sent or declared: users' first, those that the most have first.
 *
 * Counts are exact as of the reading: what is stored plus what is not yet folded, in one statement. Common values are
 * exact up to 10,000 people and estimated beyond; each trait says which in `values_exact`.
 */
export async function loadTraitCatalogue(pool: Pool, workspaceId: string): Promise<CataloguedTrait[]> {
  return inWorkspace(pool, workspaceId, (client) => readTraitCatalogue(client, workspaceId));
}

/** The same, in the caller's transaction. */
export async function readTraitCatalogue(client: Client, workspaceId: string): Promise<CataloguedTrait[]> {
  const { rows } = await client.query<TraitRow>(statement, [workspaceId]);
  const [ofUsers, ofCompanies] = [rows.filter(isOf('user')), rows.filter(isOf('company'))];
  const values = {
    user: await valuesOf(client, workspaceId, 'user', ofUsers),
    company: await valuesOf(client, workspaceId, 'company', ofCompanies),
  };
  return [...ofUsers, ...ofCompanies].map((row) => traitOf(row, values[row.entity]));
}

interface TraitRow {
  readonly key: string;
  readonly entity: TraitEntity;
  readonly types: readonly TypeCount[];
  readonly users: number;
  readonly declared_type: TraitType | null;
  readonly first_seen: Date | null;
  readonly last_seen: Date | null;
}

const isOf = (entity: TraitEntity) => (row: TraitRow) => row.entity === entity;

async function valuesOf(
  client: Client,
  workspaceId: string,
  entity: TraitEntity,
  rows: readonly TraitRow[],
): Promise<TraitValues> {
  const held = rows.filter(({ users }) => users > 0).slice(0, valuedTraits);
  if (held.length === 0) return { byKey: new Map(), exact: true };
  return commonValues(client, workspaceId, entity, new Map(held.map(({ key, users }) => [key, users])));
}

function traitOf(row: TraitRow, { byKey, exact }: TraitValues): CataloguedTrait {
  const { key, entity, types, users } = row;
  const declared = columnType(entity, key) ?? row.declared_type;
  const others = types.filter(({ type }) => declared !== null && type !== declared);
  return {
    key,
    entity,
    types,
    users,
    common_values: byKey.get(key) ?? [],
    values_exact: exact,
    declared_type: declared,
    mismatches: others.reduce((sum, { count }) => sum + count, 0),
    first_seen: row.first_seen?.toISOString() ?? null,
    last_seen: row.last_seen?.toISOString() ?? null,
  };
}

const statement = `
WITH counts AS (
  SELECT entity, key, type, sum(count) AS count
  FROM (
    SELECT entity, key, type, count FROM trait_types WHERE workspace_id = $1
    UNION ALL
    SELECT entity, key, type, delta FROM trait_changes WHERE workspace_id = $1 AND type IS NOT NULL
  ) AS every
  GROUP BY entity, key, type
), types AS (
  SELECT entity, key, sum(count) AS users,
    jsonb_agg(jsonb_build_object('type', type, 'count', count) ORDER BY count DESC, type) AS types
  FROM counts GROUP BY entity, key
), times AS (
  SELECT entity, key, max(declared_type) AS declared_type, min(first_seen) AS first_seen, max(last_seen) AS last_seen
  FROM (
    SELECT entity, key, declared_type, first_seen, last_seen FROM traits WHERE workspace_id = $1
    UNION ALL
    SELECT entity, key, NULL, min(at), max(at) FROM trait_changes
    WHERE workspace_id = $1 AND delta >= 0 GROUP BY entity, key
  ) AS every
  GROUP BY entity, key
)
SELECT entity, key, coalesce(types, '[]') AS types, coalesce(users, 0)::float8 AS users, declared_type, first_seen, last_seen
FROM times FULL JOIN types USING (entity, key)
ORDER BY entity DESC, users DESC, key`;
