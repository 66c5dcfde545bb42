import { inState } from '../work/in-state.js';

/**
 * The chunk of workspace `$1` and id `$2` as a SELECT of one row, locked, where the token `$3` holds it and its lease is not
 * over. What writes in its name begins with it, so that whoever lost a chunk writes nothing.
 */
export const heldChunk = `
  SELECT w.workspace_id, w.id, w.run_id FROM work w
  WHERE w.workspace_id = $1 AND w.id = $2::bigint AND ${inState('w', 'claimed')} AND w.token = $3::uuid
    AND w.lease_until > statement_timestamp()
  FOR NO KEY UPDATE OF w`;
