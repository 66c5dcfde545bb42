import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { poke } from '../outbox/poke.js';
import type { DefinitionCache } from '../series/definitions.js';

/**
 * Has people who wait in series looked at again after their workspace's zone changed, some at a time: as a person whose own
 * zone changes is. Several processes may do so; what was not committed is done again.
 *
 * Answers whether there is more to do.
 */
export async function followZone(
  pool: Pool,
  definitions: DefinitionCache,
  { batch = 1000, onWoken = () => undefined }: { batch?: number; onWoken?: () => void } = {},
): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows: taken } = await client.query<{ workspace: string; after: string }>(take);
    const one = taken[0];
    if (one === undefined) return false;
    const { rows: people } = await client.query<{ id: string }>(nextInside, [
      one.workspace,
      one.after,
      batch,
    ]);
    const touched = people.map(({ id }) => ({
      workspace: one.workspace,
      endUser: id,
      fields: none,
      events: none,
      whole: false,
      zone: true,
    }));
    const woken = await poke(client, touched, [], definitions(client));
    const next = people.length < batch ? null : (people.at(-1)?.id ?? null);
    await client.query(note, [one.workspace, next]);
    if (woken > 0) onWoken();
    return true;
  });
}

const none: ReadonlySet<string> = new Set();

const take = `
  SELECT w.workspace_id AS workspace, w.zone_followed_to AS after FROM workspaces w
  WHERE w.zone_followed_to IS NOT NULL ORDER BY w.workspace_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`;

const nextInside = `
  SELECT DISTINCT e.end_user_id AS id FROM enrollments e
  WHERE e.workspace_id = $1 AND e.state = 'active' AND e.end_user_id > $2
  ORDER BY e.end_user_id LIMIT $3`;

const note = `UPDATE workspaces SET zone_followed_to = $2 WHERE workspace_id = $1`;
