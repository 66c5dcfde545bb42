import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { takeTurn } from './turn.js';

/** Days for which it is kept what could not be stored. */
export const refusalDays = 30;
/** Of each workspace no more than the newest of them. */
export const mostRefusals = 100_000;
const day = 86_400_000;

/**
 * Removes refusals that are older than 30 days, or beyond the newest 100,000 of their workspace. While another process is
 * at it, nothing happens.
 *
 * @returns how many were removed
 */
export async function pruneRefusals(
  pool: Pool,
  { now, most = mostRefusals }: { readonly now: number; readonly most?: number },
): Promise<number> {
  return inTransaction(pool, async (client) => {
    if (!(await takeTurn(client, 'refusals'))) return 0;
    const { rows } = await client.query<{ workspace_id: string }>(
      `SELECT w.workspace_id FROM workspaces AS w
       WHERE EXISTS (SELECT FROM ingest_refusals AS r WHERE r.workspace_id = w.workspace_id)`,
    );
    let removed = 0;
    for (const { workspace_id: workspaceId } of rows) {
      const { rowCount } = await client.query(removeRefusals, [
        workspaceId,
        new Date(now - refusalDays * day),
        most,
      ]);
      removed += rowCount ?? 0;
    }
    return removed;
  });
}

// Ids follow the instants, but for calls at the same moment.
const removeRefusals = `
DELETE FROM ingest_refusals AS r WHERE r.workspace_id = $1 AND r.id <= greatest(
  (SELECT o.id FROM ingest_refusals AS o WHERE o.workspace_id = $1 AND o.at < $2 ORDER BY o.at DESC, o.id DESC LIMIT 1),
  (SELECT n.id FROM ingest_refusals AS n WHERE n.workspace_id = $1 ORDER BY n.id DESC OFFSET $3 LIMIT 1)
)`;
