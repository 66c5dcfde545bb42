import { atomically } from '../database.js';
import type { Database } from '../database.js';
import type { TraitEntity, TraitType } from './types.js';

/**
 * The type that each of these custom traits is declared to have, else the one that most of its values have. Traits that
 * nobody has are left out; of two types that as many have, text is taken.
 */
export async function storedTypes(
  db: Database,
  workspaceId: string,
  entity: TraitEntity,
  keys: readonly string[],
): Promise<Map<string, TraitType>> {
  if (keys.length === 0) return new Map();
  const { rows } = await atomically(db, workspaceId, (client) =>
    client.query<{ key: string; type: TraitType }>(statement, [workspaceId, entity, keys]),
  );
  return new Map(rows.map(({ key, type }) => [key, type]));
}

const statement = `
WITH asked AS (
  SELECT key, muster_trait_name(key) AS name FROM unnest($3::text[]) AS key
), counts AS (
  SELECT key AS name, type, sum(count) AS count
  FROM (
    SELECT key, type, count FROM trait_types WHERE workspace_id = $1 AND entity = $2
    UNION ALL
    SELECT key, type, delta FROM trait_changes WHERE workspace_id = $1 AND entity = $2 AND type IS NOT NULL
  ) AS every
  WHERE key IN (SELECT name FROM asked)
  GROUP BY key, type HAVING sum(count) > 0
), commonest AS (
  SELECT DISTINCT ON (name) name, type FROM counts ORDER BY name, count DESC, type = 'text' DESC, type
)
SELECT a.key, coalesce(t.declared_type, c.type) AS type
FROM asked AS a
LEFT JOIN traits AS t ON t.workspace_id = $1 AND t.entity = $2 AND t.key = a.name
LEFT JOIN commonest AS c USING (name)
WHERE coalesce(t.declared_type, c.type) IS NOT NULL`;
