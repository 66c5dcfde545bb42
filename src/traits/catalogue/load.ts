import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { textFault } from '../json.js';
import { isList } from '../../filter/parse/context.js';
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
export async function loadTraitCatalogue(
  pool: Pool,
  workspaceId: string,
  which: WhichTraits = {},
): Promise<CataloguedTrait[]> {
  return inWorkspace(pool, workspaceId, (client) => readTraitCatalogue(client, workspaceId, which));
}

export interface WhichTraits {
  /** What keys begin with, without regard to letter case; default everything. */
  readonly prefix?: string | undefined;
  /** How many traits; default all. */
  readonly limit?: number | undefined;
  /** The trait after which to begin, in the order of the catalogue. */
  readonly after?: Pick<CataloguedTrait, 'entity' | 'users' | 'key'> | undefined;
}

/** Traits of one page: common values are looked up for them alone. */
export interface TraitPage {
  readonly traits: CataloguedTrait[];
  /** What to ask for next as `after`, or null on the last page. */
  readonly next: string | null;
}

/** One page of the catalogue. An `after` that no page gave begins anew. */
export async function loadTraitPage(
  pool: Pool,
  workspaceId: string,
  {
    prefix,
    limit,
    after,
  }: { readonly prefix?: string | undefined; readonly limit: number; readonly after?: string | undefined },
): Promise<TraitPage> {
  const which = { prefix, limit: limit + 1, after: after === undefined ? undefined : placeIn(after) };
  const found = await loadTraitCatalogue(pool, workspaceId, which);
  const traits = found.slice(0, limit);
  const last = traits.at(-1);
  if (last === undefined || found.length <= limit) return { traits, next: null };
  const place = JSON.stringify([last.entity, last.users, last.key]);
  return { traits, next: Buffer.from(place).toString('base64url') };
}

function placeIn(after: string): WhichTraits['after'] {
  try {
    const place: unknown = JSON.parse(Buffer.from(after, 'base64url').toString());
    if (!isList(place)) return undefined;
    const [entity, users, key] = place;
    if (entity !== 'user' && entity !== 'company') return undefined;
    if (typeof users !== 'number' || typeof key !== 'string' || textFault(key) !== null) return undefined;
    return { entity, users, key };
  } catch {
    return undefined;
  }
}

/** The same, in the caller's transaction. */
export async function readTraitCatalogue(
  client: Client,
  workspaceId: string,
  { prefix = '', limit, after }: WhichTraits = {},
): Promise<CataloguedTrait[]> {
  const from = after === undefined ? [null, null, null] : [after.entity, after.users, after.key];
  const { rows } = await client.query<TraitRow>(statement, [workspaceId, prefix, limit ?? null, ...from]);
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
SELECT * FROM (
  SELECT entity, key, coalesce(types, '[]') AS types, coalesce(users, 0)::float8 AS users,
    declared_type, first_seen, last_seen
  FROM times FULL JOIN types USING (entity, key)
) AS every
WHERE starts_with(lower(key), lower($2::text))
  AND ($4::text IS NULL OR entity < $4::text
    OR entity = $4::text AND (users < $5::float8 OR users = $5::float8 AND key > $6::text))
ORDER BY entity DESC, users DESC, key
LIMIT $3`;
