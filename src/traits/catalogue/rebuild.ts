import { inWorkspace } from '../../database/workspace.js';
import type { Pool } from '../../database/pool.js';
import { lockCatalogue, foldTraits } from './fold.js';
import { columnTraits } from './columns.js';
import type { TraitEntity } from './types.js';

/**
 * Counts the catalogue of one workspace anew from its people and companies. Only counts change: traits and types that
 * nobody has any more stay with 0, declared types and the times stay. A trait that the catalogue has lost comes back,
 * first seen when the earliest of those who have it came.
 *
 * Identify, import and the rest go on meanwhile and nothing of theirs is counted twice or lost: rows and appended changes
 * are read by one statement, so they are of one instant.
 *
 * @returns how many counts were wrong
 */
export async function rebuildTraits(pool: Pool, workspaceId: string): Promise<number> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await lockCatalogue(client, workspaceId);
    await foldTraits(client, workspaceId);
    const { rows } = await client.query<{ corrected: number }>(rebuildStatement, [workspaceId]);
    return rows[0]?.corrected ?? 0;
  });
}

const rebuildStatement = `
WITH taken AS (
  DELETE FROM trait_changes WHERE workspace_id = $1 RETURNING entity, key, type, delta
), held AS (
  ${held('end_users', 'user')} UNION ALL ${held('companies', 'company')}
), stored AS (
  SELECT entity, key, type, sum(count) AS count
  FROM (
    SELECT entity, key, type, count FROM trait_types WHERE workspace_id = $1
    UNION ALL SELECT entity, key, type, delta FROM taken WHERE type IS NOT NULL
  ) AS every
  GROUP BY entity, key, type
), compared AS (
  SELECT entity, key, type, coalesce(h.count, 0) AS count, s.count IS DISTINCT FROM coalesce(h.count, 0) AS wrong
  FROM stored AS s FULL JOIN held AS h USING (entity, key, type)
), counted AS (
  INSERT INTO trait_types AS t (workspace_id, entity, key, type, count)
  SELECT $1, entity, key, type, count FROM compared
  ON CONFLICT (workspace_id, entity, key, type) DO UPDATE SET count = EXCLUDED.count
  WHERE t.count <> EXCLUDED.count
), seen AS (
  INSERT INTO traits AS t (workspace_id, entity, key, first_seen, last_seen)
  SELECT $1, entity, key, min(first_seen), max(last_seen) FROM held GROUP BY entity, key
  ON CONFLICT (workspace_id, entity, key) DO UPDATE SET
    first_seen = coalesce(t.first_seen, EXCLUDED.first_seen),
    last_seen = coalesce(t.last_seen, EXCLUDED.last_seen)
  WHERE t.first_seen IS NULL OR t.last_seen IS NULL
)
SELECT (count(*) FILTER (WHERE wrong))::integer AS corrected FROM compared`;

/** What the rows of a table have, as the triggers of the migration count it. */
function held(table: string, entity: TraitEntity): string {
  const columns = columnTraits(entity).map(({ key, type }) => `('${key}', '${type}', r.${key} IS NOT NULL)`);
  return `
  SELECT '${entity}' AS entity, k.key, k.type, count(*) AS count,
    min(r.created_at) AS first_seen, max(r.updated_at) AS last_seen
  FROM ${table} AS r CROSS JOIN LATERAL (
    SELECT key, type FROM (VALUES ${columns.join(', ')}) AS c (key, type, present) WHERE present
    UNION ALL
    SELECT muster_trait_name(e.key), muster_trait_type(e.value) FROM jsonb_each(r.custom_fields) AS e
    WHERE jsonb_typeof(e.value) <> 'null'
  ) AS k
  WHERE r.workspace_id = $1
  GROUP BY k.key, k.type`;
}
