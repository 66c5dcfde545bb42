/**
 * An UPDATE that leaves nobody open in chunks that are over because their run was cancelled, `chunks` being rows of `work`: who
 * was still to be sent to is skipped, who may have been sent to is unknown. Only for chunks that no worker holds any more.
 */
export const settleCancelled = (chunks: string): string => `
  UPDATE broadcast_recipients p
  SET state = CASE WHEN p.unsure OR p.state = 'sending' THEN 'unknown' ELSE 'skipped' END,
    unsure = p.unsure OR p.state = 'sending', reason = 'cancelled', retry_at = NULL, message = NULL
  FROM ${chunks} AS chunk
  WHERE p.workspace_id = chunk.workspace_id AND p.run_id = chunk.run_id
    AND p.number BETWEEN chunk.first_number AND chunk.last_number AND p.state IN ('pending', 'sending')`;
