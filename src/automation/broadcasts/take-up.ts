import type { Pool } from '../../database/pool.js';
import type { Chunk } from './claim-chunk.js';
import { heldChunk } from './held-chunk.js';

/**
 * Takes up what a worker that went away left in the middle of its calls: to be sent again under the same key, or, where the
 * channel would not recognise a repeat, left to an operator. Who was erased meanwhile cannot be sent to again.
 */
export async function takeUpSending(pool: Pool, chunk: Chunk, parks: boolean): Promise<void> {
  const { workspace, work, token, first, last } = chunk;
  await pool.query(takeUp, [workspace, work, token, first, last, parks]);
}

const takeUp = `
  WITH chunk AS MATERIALIZED (${heldChunk})
  UPDATE broadcast_recipients p
  SET state = CASE WHEN p.end_user_id IS NULL OR p.parks OR $6::boolean THEN 'unknown' ELSE 'pending' END,
    reason = CASE WHEN p.end_user_id IS NULL OR p.parks OR $6::boolean THEN 'the confirmation was lost' END,
    unsure = true, retry_at = NULL
  FROM chunk
  WHERE p.workspace_id = chunk.workspace_id AND p.run_id = chunk.run_id AND p.number BETWEEN $4 AND $5 AND p.state = 'sending'`;
