import type { Client, Pool } from '../../database/pool.js';
import { queryInWorkspace } from '../../database/one-trip.js';
import { columns } from '../../filter/fields.js';
import type { TraitEntity } from './types.js';

/** The keys of every trait that was ever sent or declared, in no order. */
export async function knownTraits(
  client: Client,
  workspaceId: string,
): Promise<Readonly<Record<TraitEntity, readonly string[]>>> {
  const { rows } = await client.query<{ entity: TraitEntity; key: string }>(listKnown, [workspaceId]);
  const keys = (of: TraitEntity): string[] =>
    rows.filter(({ entity }) => entity === of).map(({ key }) => key);
  return { user: keys('user'), company: keys('company') };
}

const listKnown = `
  SELECT entity, key FROM traits WHERE workspace_id = $1
  UNION
  SELECT entity, key FROM trait_changes WHERE workspace_id = $1`;

/** The keys of the custom traits of users that the most of them have, by that number. */
export async function mostUsedTraits(pool: Pool, workspaceId: string, limit: number): Promise<string[]> {
  const { rows } = await queryInWorkspace<{ key: string }>(pool, workspaceId, {
    text: listMostUsed,
    values: [workspaceId, Object.keys(columns), limit],
  });
  return rows.map(({ key }) => key);
}

// Names that the catalogue had to cut end with an ellipsis and name no trait.
const listMostUsed = `
  SELECT key
  FROM (
    SELECT key, count FROM trait_types WHERE workspace_id = $1 AND entity = 'user'
    UNION ALL
    SELECT key, delta FROM trait_changes WHERE workspace_id = $1 AND entity = 'user' AND type IS NOT NULL
  ) AS every
  WHERE key <> ALL ($2::text[]) AND NOT (length(key) = 200 AND key LIKE '%…')
  GROUP BY key HAVING sum(count) > 0
  ORDER BY sum(count) DESC, key LIMIT $3`;
