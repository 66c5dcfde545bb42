import type { Pool } from '../../database/pool.js';

export interface FinishRequest {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  /** `done`: the channel took it. `failed`: given up, with `error` as the reason. */
  readonly state: 'done' | 'failed';
  readonly error: string | null;
  /** Where the enrolment goes: a step of its own and when (milliseconds since 1970), or the end. */
  readonly enrollment: 'active' | 'completed' | 'exited';
  readonly next: { readonly step: string; readonly visit: number; readonly dueAt: number } | null;
}

/**
 * Ends claimed work in one statement, and so in one transaction: the row is over, its delivery is recorded, the
 * enrolment moves on, the next work row exists and the person counts as contacted. All of it, or none.
 *
 * Answers false for each claim that is no longer held: somebody else has it, and nothing was written.
 */
export async function finishWork(
  pool: Pool,
  requests: readonly FinishRequest[],
): Promise<readonly boolean[]> {
  const { rows } = await pool.query<{ token: string }>(finishClaimed, [
    requests.map((request) => request.workspace),
    requests.map((request) => request.work),
    requests.map((request) => request.token),
    requests.map((request) => request.state),
    requests.map((request) => request.error),
    requests.map((request) => request.enrollment),
    requests.map((request) => request.next?.step ?? null),
    requests.map((request) => request.next?.visit ?? null),
    requests.map((request) => (request.next === null ? null : new Date(request.next.dueAt).toISOString())),
  ]);
  const finished = new Set(rows.map((row) => row.token));
  return requests.map((request) => finished.has(request.token));
}

const finishClaimed = `
  WITH result AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::integer[], $9::timestamptz[])
      AS result (workspace_id, id, token, state, error, enrollment_state, next_step, next_visit, next_due)
  ),
  finished AS (
    UPDATE work w
    SET state = result.state, token = NULL, lease_until = NULL, last_error = result.error,
      finished_at = statement_timestamp()
    FROM result
    WHERE w.workspace_id = result.workspace_id AND w.id = result.id AND w.state = 'claimed' AND w.token = result.token
    RETURNING w.workspace_id, w.series_key, w.enrollment_id, w.delivery_id, result.token, result.state, result.error,
      result.enrollment_state, result.next_step, result.next_visit, result.next_due
  ),
  recorded AS (
    UPDATE deliveries d
    SET state = CASE finished.state WHEN 'done' THEN 'delivered' ELSE 'failed' END,
      last_error = finished.error,
      delivered_at = CASE finished.state WHEN 'done' THEN date_trunc('milliseconds', statement_timestamp()) END
    FROM finished
    WHERE d.workspace_id = finished.workspace_id AND d.id = finished.delivery_id
    RETURNING d.workspace_id, d.end_user_id, d.delivered_at
  ),
  contacted AS (
    UPDATE end_users u
    SET last_contacted_at = greatest(u.last_contacted_at, recorded.delivered_at)
    FROM recorded
    WHERE u.workspace_id = recorded.workspace_id AND u.id = recorded.end_user_id AND recorded.delivered_at IS NOT NULL
  ),
  advanced AS (
    UPDATE enrollments e
    SET state = finished.enrollment_state, step = finished.next_step, visit = coalesce(finished.next_visit, e.visit),
      finished_at = CASE finished.enrollment_state WHEN 'active' THEN NULL ELSE statement_timestamp() END
    FROM finished
    WHERE e.workspace_id = finished.workspace_id AND e.id = finished.enrollment_id AND e.state = 'active'
  ),
  following AS (
    INSERT INTO work (workspace_id, series_key, enrollment_id, step, visit, due_at)
    SELECT workspace_id, series_key, enrollment_id, next_step, next_visit, next_due
    FROM finished WHERE next_step IS NOT NULL
    ON CONFLICT (workspace_id, enrollment_id, step, visit) DO NOTHING
  )
  SELECT token FROM finished`;
