import type { Client, Pool } from '../database/pool.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { checkTraits } from './check.js';
import { admitNamesOfMany, traitNames } from './names.js';
import { knownTraitNames } from './known-traits.js';

/** Traits of one person, by internal id, so that a visitor without a user id is reached as well. */
export interface SetTraits {
  readonly endUser: string;
  /** Names and values as in `identify`; null removes a trait. */
  readonly traits: Readonly<Record<string, unknown>>;
}

/**
 * Sets traits of people who are there, without a visit: they merge as in a backfill, and `last_seen` does not move. In
 * the same transaction the outbox gets `user_updated` for each person whom it changed. Each person stands in it once;
 * who is gone is passed over, and so is who would hold more than a person may, or a trait that is one too
 * many for the workspace: their series goes on.
 *
 * Errors, before anything is written: those of `checkTraits`.
 */
export async function setTraits(
  client: Client,
  workspaceId: string,
  people: readonly SetTraits[],
): Promise<void> {
  const named = people.map(({ endUser, traits }) => ({ endUser, ...checkTraits(traits) }));
  const { admitted: checked } = await admitNamesOfMany(client, workspaceId, named, (each) =>
    traitNames('user', each),
  );
  await client.query(text, [
    workspaceId,
    checked.map(({ endUser }) => endUser),
    checked.map(({ columns }) => JSON.stringify(columns)),
    checked.map(({ custom }) => JSON.stringify(custom)),
    checked.map(({ removed }) => JSON.stringify(removed)),
  ]);
}

const types: Readonly<Record<string, string>> = {
  signed_up_at: 'instant',
  renewal_date: 'instant',
  on_contract: 'boolean',
};
const next = (name: string): string =>
  `CASE WHEN b.set_columns ? '${name}' THEN (b.set_columns ->> '${name}')::${types[name] ?? 'text'} ELSE b.${name} END`;
const custom = '(b.custom_fields || b.set_custom) - ARRAY(SELECT jsonb_array_elements_text(b.removed))';
const compared = knownTraitNames.map((name) => `('${name}', b.${name} IS DISTINCT FROM a.${name})`);

const text = `
WITH before AS MATERIALIZED (
  SELECT u.*, g.set_columns, g.set_custom, g.removed
  FROM unnest($2::uuid[], $3::jsonb[], $4::jsonb[], $5::jsonb[]) AS g (id, set_columns, set_custom, removed)
  JOIN end_users AS u ON u.workspace_id = $1 AND u.id = g.id
  ORDER BY u.user_id
  FOR NO KEY UPDATE OF u
), after AS (
  UPDATE end_users AS u SET
    ${knownTraitNames.map((name) => `${name} = ${next(name)}`).join(',\n    ')},
    custom_fields = ${custom}
  FROM before AS b
  WHERE u.workspace_id = $1 AND u.id = b.id AND muster_overfull(b.custom_fields, ${custom}) IS NULL
    AND (${knownTraitNames.map((name) => `u.${name}`).join(', ')}, u.custom_fields)
      IS DISTINCT FROM (${knownTraitNames.map(next).join(', ')}, ${custom})
  RETURNING u.*
)
INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
SELECT $1, 'user_updated', a.id, a.user_id, jsonb_build_object('fields',
  ARRAY(SELECT field FROM (VALUES ${compared.join(', ')}) AS column_change (field, changed) WHERE changed)
  || ARRAY(
    SELECT CASE
      WHEN key = '' OR starts_with(key, '/') THEN 'custom:/' || replace(replace(key, '~', '~0'), '/', '~1')
      ELSE 'custom:' || key
    END
    FROM (
      SELECT jsonb_object_keys(b.set_custom) AS key UNION SELECT jsonb_array_elements_text(b.removed)
    ) AS named
    WHERE b.custom_fields -> key IS DISTINCT FROM a.custom_fields -> key
    ORDER BY key COLLATE "C"
  ))
FROM after AS a JOIN before AS b ON b.id = a.id`;

/** Notes in the catalogue that values arrived; see `noteTraitsSent`. After the commit, on a pool. */
export async function noteTraits(
  pool: Pool,
  settings: readonly { readonly workspace: string; readonly traits: Readonly<Record<string, unknown>> }[],
): Promise<void> {
  const sent = new Map<string, Set<string>>();
  for (const { workspace, traits } of settings) {
    const keys = sent.get(workspace) ?? new Set();
    for (const key of sentKeys(checkTraits(traits))) keys.add(key);
    sent.set(workspace, keys);
  }
  for (const [workspace, keys] of sent) await noteTraitsSent(pool, workspace, 'user', keys);
}
