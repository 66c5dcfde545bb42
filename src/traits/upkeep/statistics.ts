import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { takeTurn } from './turn.js';

/**
 * Runs ANALYZE on events as a whole when their number has changed by a fifth and by 1,000 since the last time. Autovacuum
 * looks after each month and never after the whole, whose statistics say how many people and names there are. While another
 * process is at it, or where this user may not, nothing happens.
 *
 * @returns whether it did
 */
export async function analyzeEvents(pool: Pool): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    if (!(await takeTurn(client, 'event statistics'))) return false;
    const { rows } = await client.query<{ due: boolean; version: number }>(isDue);
    const [found] = rows;
    if (found?.due !== true) return false;
    // Since Postgres 18 the months, which autovacuum looks after, can be left out.
    await client.query(`ANALYZE ${found.version >= 180_000 ? 'ONLY ' : ''}events`);
    return true;
  });
}

// Somebody else's table is left to its owner: ANALYZE would only warn, every time.
const isDue = `
SELECT pg_has_role(c.relowner, 'USAGE') AND abs(n.rows - greatest(c.reltuples, 0)) > greatest(c.reltuples, 0) / 5 + 1000 AS due,
  current_setting('server_version_num')::integer AS version
FROM pg_class AS c
CROSS JOIN LATERAL (
  SELECT coalesce(sum(greatest(m.reltuples, s.n_live_tup, 0)), 0) AS rows
  FROM pg_inherits AS i
  JOIN pg_class AS m ON m.oid = i.inhrelid
  LEFT JOIN pg_stat_user_tables AS s ON s.relid = m.oid
  WHERE i.inhparent = c.oid
) AS n
WHERE c.oid = 'events'::regclass`;
