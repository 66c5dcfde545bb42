import type { Pool } from '../../database/pool.js';
import type { Footprint } from '../series/moves.js';
import { inState } from './in-state.js';
import { rowsOf } from './lists.js';
import { byEnrollment, trailText, trailValues } from './trail.js';

export interface DeferRequest {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly enrollment: string;
  /** What the counter of happenings was when the person was read. */
  readonly pokes: number;
  /** Milliseconds since 1970 (UTC). */
  readonly dueAt: number;
  readonly listens: boolean;
  readonly trail: readonly Footprint[];
}

/**
 * Puts claimed work off to its next time, at the place where the person stands. Its attempts begin anew: nothing failed.
 * Where something happened to the person since they were read, and the place listens, it is due again at once.
 *
 * Answers false for each claim that is no longer held.
 */
export async function deferWork(
  db: Pick<Pool, 'query'>,
  requests: readonly DeferRequest[],
): Promise<readonly boolean[]> {
  const sorted = requests.toSorted(byEnrollment);
  const { rows } = await db.query<{ token: string }>(deferClaimed, [
    sorted.map((request) => request.workspace),
    sorted.map((request) => request.work),
    sorted.map((request) => request.token),
    sorted.map((request) => request.enrollment),
    sorted.map((request) => request.pokes),
    sorted.map(({ dueAt }) => new Date(dueAt).toISOString()),
    sorted.map((request) => request.listens),
    ...trailValues(sorted),
  ]);
  const deferred = new Set(rows.map((row) => row.token));
  return requests.map((request) => deferred.has(request.token));
}

// The enrolment is held before its row is written: whoever pokes it comes before, and is seen, or after, and finds the row.
const deferClaimed = `
  WITH place AS MATERIALIZED (
    SELECT result.*, e.pokes <> result.pokes AS poked, e.state = 'active' AS inside
    FROM ${rowsOf(['text', 'bigint', 'uuid', 'bigint', 'integer', 'timestamptz', 'boolean'])}
      AS result (workspace_id, id, token, enrollment_id, pokes, due_at, listens)
    JOIN enrollments e ON e.workspace_id = result.workspace_id AND e.id = result.enrollment_id
    ORDER BY e.workspace_id, e.id
    FOR NO KEY UPDATE OF e
  ),
  deferred AS (
    UPDATE work w
    SET state = CASE WHEN place.inside THEN 'pending' ELSE 'cancelled' END,
      token = NULL, lease_until = NULL, last_error = NULL, attempts = 0, listening = place.listens,
      due_at = CASE WHEN place.poked AND place.listens
        THEN least(place.due_at, date_trunc('milliseconds', statement_timestamp())) ELSE place.due_at END,
      finished_at = CASE WHEN place.inside THEN NULL ELSE statement_timestamp() END
    FROM place
    WHERE w.workspace_id = place.workspace_id AND w.id = place.id AND ${inState('w', 'claimed')} AND w.token = place.token
    RETURNING w.workspace_id, w.enrollment_id, place.token
  ),
  trod AS (${trailText(8, 'deferred')})
  SELECT token FROM deferred`;
