import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import type { Chunk } from './claim-chunk.js';
import { heldChunk } from './held-chunk.js';
import { settleCancelled } from './settle-cancelled.js';

/** What became of a chunk: over, put off for those who are tried again, or left to whoever holds it now. */
export type ChunkEnd = 'done' | 'later' | 'cancelled' | 'lost';

/**
 * Gives a chunk up in order. With nobody left in it, it is done; else it is due again when the first of them is, or at
 * `notBefore` milliseconds from now; in a paused run it is held.
 */
export async function endChunk(pool: Pool, chunk: Chunk, notBefore = 0): Promise<ChunkEnd> {
  const { workspace, work, token, first, last } = chunk;
  const state = await inTransaction(pool, async (client) => {
    // A statement of its own: the next one sees whom an operator sends back meanwhile, who holds the chunk for that.
    await client.query(heldChunk, [workspace, work, token]);
    const { rows } = await client.query<{ state: string }>(end, [
      workspace,
      work,
      token,
      first,
      last,
      notBefore,
    ]);
    return rows[0]?.state;
  });
  if (state === 'done' || state === 'cancelled') return state;
  return state === undefined ? 'lost' : 'later';
}

/** Ends runs of whom nobody is left to be sent to. Answers how many ended. */
export async function completeRuns(pool: Pool): Promise<number> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ workspace: string; id: string }>(holdFinished);
    if (rows.length === 0) return 0;
    // A statement of its own: it sees whom an operator sent back until just now.
    const { rowCount } = await client.query(complete, [
      rows.map(({ workspace }) => workspace),
      rows.map(({ id }) => id),
    ]);
    return rowCount ?? 0;
  });
}

/** Lets chunks go on that are held although their run is not paused any more. Answers how many. */
export async function releaseHeldChunks(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(release);
  return rowCount ?? 0;
}

// The recipients are read by the same statement that holds the chunk: nobody else moves them meanwhile, and who is erased or
// cancelled in between is found by the next look. In a cancelled run nobody stays open.
const end = `
  WITH chunk AS MATERIALIZED (${heldChunk}),
  rest AS (
    SELECT count(*) AS count, min(coalesce(p.retry_at, statement_timestamp())) AS due_at
    FROM chunk
    JOIN broadcast_recipients p ON p.workspace_id = chunk.workspace_id AND p.run_id = chunk.run_id
      AND p.number BETWEEN $4 AND $5 AND p.state IN ('pending', 'sending')
  ),
  ended AS (
    UPDATE work w
    SET state = CASE WHEN run.state IN ('cancelled', 'completed') THEN 'cancelled' WHEN rest.count = 0 THEN 'done' ELSE 'pending' END,
      held = run.state = 'paused' AND rest.count > 0,
      due_at = CASE WHEN rest.count = 0 THEN w.due_at
        ELSE greatest(rest.due_at, run.quiet_until, statement_timestamp() + $6 * interval '1 millisecond') END,
      token = NULL, lease_until = NULL, attempts = 0,
      finished_at = CASE WHEN rest.count = 0 OR run.state IN ('cancelled', 'completed') THEN statement_timestamp() END
    FROM chunk CROSS JOIN rest, broadcast_runs run
    WHERE w.workspace_id = chunk.workspace_id AND w.id = chunk.id AND run.workspace_id = chunk.workspace_id
      AND run.id = chunk.run_id
    RETURNING w.*
  ),
  settled AS (${settleCancelled("(SELECT * FROM ended WHERE ended.state = 'cancelled')")})
  SELECT state FROM ended`;

const isFinished = `run.state = 'running' AND NOT EXISTS (
    SELECT FROM work w
    WHERE w.workspace_id = run.workspace_id AND w.run_id = run.id AND w.kind = 'chunk'
      AND w.state IN ('pending', 'enqueued', 'claimed')
  )`;

const holdFinished = `
  SELECT run.workspace_id AS workspace, run.id FROM broadcast_runs run WHERE ${isFinished}
  FOR NO KEY UPDATE OF run SKIP LOCKED`;

const complete = `
  UPDATE broadcast_runs run
  SET state = 'completed', finished_at = date_trunc('milliseconds', statement_timestamp())
  FROM unnest($1::text[], $2::bigint[]) AS held (workspace_id, id)
  WHERE run.workspace_id = held.workspace_id AND run.id = held.id AND ${isFinished}`;

const release = `
  UPDATE work w SET held = false
  FROM broadcast_runs run
  WHERE w.held AND w.kind = 'chunk' AND run.workspace_id = w.workspace_id AND run.id = w.run_id AND run.state <> 'paused'`;
