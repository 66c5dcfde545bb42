import type { Client } from '../../database/pool.js';
import { knownTraitNames } from '../known-traits.js';

const merged = knownTraitNames.map((name) => `coalesce(EXCLUDED.${name}, u.${name})`);
const stored = knownTraitNames.map((name) => `u.${name}`);
const set = knownTraitNames.map((name, index) => `${name} = ${merged[index] ?? ''}`);

/**
 * Creates and updates everybody in the staging table, additively. `first_seen` and `last_seen` are not named: an
 * import is not a visit. Nothing goes to the outbox: what backfill makes fires no `user_created`.
 *
 * Sorted, so that two imports lock people in one order and cannot wait for each other in a circle; it also keeps the
 * index on `user_id` warm. People who would stay as they are are not written again, so that an import run twice
 * leaves no dead rows and no moved `updated_at`.
 *
 * @returns how many people were new
 */
export async function mergeStaging(client: Client, workspaceId: string): Promise<number> {
  const { rows } = await client.query<{ created: number }>(text, [workspaceId]);
  return rows[0]?.created ?? 0;
}

// A row that an insert has just made has no earlier transaction in xmax; one that the conflict updated has this one.
const text = `
WITH written AS (
  INSERT INTO end_users AS u (workspace_id, user_id, ${knownTraitNames.join(', ')}, custom_fields)
  SELECT $1, s.user_id, ${knownTraitNames.map((name) => `s.${name}`).join(', ')}, s.custom
  FROM pg_temp.muster_staging AS s
  ORDER BY s.user_id
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    ${set.join(',\n    ')},
    custom_fields = u.custom_fields || EXCLUDED.custom_fields
  WHERE (${stored.join(', ')}, u.custom_fields)
    IS DISTINCT FROM (${merged.join(', ')}, u.custom_fields || EXCLUDED.custom_fields)
  RETURNING (xmax = 0) AS created
)
SELECT (count(*) FILTER (WHERE created))::integer AS created FROM written`;
