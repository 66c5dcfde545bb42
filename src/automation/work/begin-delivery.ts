import type { Pool } from '../../database/pool.js';

export interface RenderedMessage {
  readonly title: string | null;
  readonly text: string;
}

export interface BeginRequest {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly channel: string;
  readonly message: RenderedMessage;
}

/**
 * Writes the deliveries down before their channels are called, all in one statement, and answers the message to send:
 * the one rendered first, where an earlier attempt came this far. Null where the lease is lost: then nothing may be sent.
 */
export async function beginDeliveries(
  pool: Pool,
  requests: readonly BeginRequest[],
): Promise<readonly (RenderedMessage | null)[]> {
  const { rows } = await pool.query<{ token: string; message: RenderedMessage }>(beginSending, [
    requests.map((request) => request.workspace),
    requests.map((request) => request.work),
    requests.map((request) => request.token),
    requests.map((request) => request.channel),
    requests.map((request) => JSON.stringify(request.message)),
  ]);
  const messages = new Map(rows.map((row) => [row.token, row.message]));
  return requests.map((request) => messages.get(request.token) ?? null);
}

// Fenced lookups (OFFSET 0), for the reason given at the claim.
const beginSending = `
  WITH request AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[])
      AS request (workspace_id, id, token, channel, message)
  ),
  begun AS (
    INSERT INTO deliveries
      (workspace_id, id, work_id, enrollment_id, series_key, step, end_user_id, channel, state, message)
    SELECT request.workspace_id, w.delivery_id, w.id, w.enrollment_id, w.series_key, w.step, e.end_user_id,
      request.channel, 'sending', request.message::jsonb
    FROM request
    CROSS JOIN LATERAL (
      SELECT * FROM work w
      WHERE w.workspace_id = request.workspace_id AND w.id = request.id
        AND w.state = 'claimed' AND w.token = request.token AND w.lease_until > statement_timestamp()
      OFFSET 0
    ) AS w
    CROSS JOIN LATERAL (
      SELECT e.end_user_id FROM enrollments e
      WHERE e.workspace_id = request.workspace_id AND e.id = w.enrollment_id OFFSET 0
    ) AS e
    ON CONFLICT (workspace_id, id) DO UPDATE
      SET state = 'sending', attempts = deliveries.attempts + 1, last_error = NULL
    RETURNING workspace_id, work_id, message
  )
  SELECT request.token, begun.message
  FROM begun
  JOIN request ON request.workspace_id = begun.workspace_id AND request.id = begun.work_id`;
