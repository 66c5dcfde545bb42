import type { Pool } from '../../database/pool.js';
import { inState } from './in-state.js';
import { rowsOf } from './lists.js';
import type { Footprint } from '../series/moves.js';
import { byEnrollment, trailText, trailValues } from './trail.js';

export interface FinishRequest {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly enrollment: string;
  /** What the counter of happenings was when the person was read. */
  readonly pokes: number;
  /** `failed`: given up, with `error` as the reason. */
  readonly state: 'done' | 'failed';
  readonly error: string | null;
  /** What became of the delivery; null where none was made. */
  readonly delivery: 'delivered' | 'failed' | null;
  /** Whether the person was reached by it. */
  readonly contact: boolean;
  readonly to: Place;
  readonly trail: readonly Footprint[];
}

/** Where the enrolment goes: to a step, or to its end. Times are in milliseconds since 1970 (UTC). */
export type Place =
  | {
      readonly state: 'active';
      readonly step: string;
      readonly visit: number;
      readonly since: number;
      readonly dueAt: number;
      readonly listens: boolean;
    }
  | { readonly state: 'completed' | 'exited' | 'held_out'; readonly reason: string };

/**
 * Ends claimed work in one statement, and so in one transaction: the row is over, its delivery is recorded, the
 * enrolment moves on, its trail is written, the next work row exists and the person counts as contacted. All of it, or
 * none.
 *
 * Where something happened to the person since they were read, and the next place listens, the next row is due at once:
 * no change is lost between two steps.
 *
 * Answers false for each claim that is no longer held: somebody else has it, and nothing was written.
 */
export async function finishWork(
  db: Pick<Pool, 'query'>,
  requests: readonly FinishRequest[],
): Promise<readonly boolean[]> {
  const sorted = requests.toSorted(byEnrollment);
  const places = sorted.map(({ to }) => (to.state === 'active' ? to : null));
  const { rows } = await db.query<{ token: string }>(finishClaimed, [
    sorted.map((request) => request.workspace),
    sorted.map((request) => request.work),
    sorted.map((request) => request.token),
    sorted.map((request) => request.pokes),
    sorted.map((request) => request.state),
    sorted.map((request) => request.error),
    sorted.map((request) => request.delivery),
    sorted.map((request) => request.contact),
    sorted.map(({ to }) => to.state),
    sorted.map(({ to }) => (to.state === 'active' ? null : to.reason)),
    places.map((place) => place?.step ?? null),
    places.map((place) => place?.visit ?? null),
    places.map((place) => (place === null ? null : new Date(place.since).toISOString())),
    places.map((place) => (place === null ? null : new Date(place.dueAt).toISOString())),
    places.map((place) => place?.listens ?? false),
    ...trailValues(sorted),
  ]);
  const finished = new Set(rows.map((row) => row.token));
  return requests.map((request) => finished.has(request.token));
}

const resultTypes = [
  ['text', 'bigint', 'uuid', 'integer', 'text', 'text', 'text', 'boolean', 'text', 'text'],
  ['text', 'integer', 'timestamptz', 'timestamptz', 'boolean'],
].flat();

// Whoever was taken out meanwhile went nowhere, and has only what became of their delivery.
const toldOf = `h.token IN (SELECT token FROM advanced)
    OR t.visit = h.stood AND t.what IN ('delivered', 'failed', 'unreachable', 'suppressed', 'capped')`;

const finishClaimed = `
  WITH result AS (
    SELECT * FROM ${rowsOf(resultTypes)}
      AS result (workspace_id, id, token, pokes, state, error, delivery, contact, to_state, reason, step, visit, since,
        due_at, listens)
  ),
  finished AS (
    UPDATE work w
    SET state = result.state, token = NULL, lease_until = NULL, last_error = result.error,
      finished_at = statement_timestamp()
    FROM result
    WHERE w.workspace_id = result.workspace_id AND w.id = result.id AND ${inState('w', 'claimed')} AND w.token = result.token
    RETURNING w.series_key, w.enrollment_id, w.delivery_id, w.traceparent, w.visit AS stood, result.*
  ),
  recorded AS (
    UPDATE deliveries d
    SET state = coalesce(finished.delivery, 'unknown'),
      last_error = CASE WHEN finished.delivery IS NULL THEN 'the person moved on before it was confirmed' ELSE finished.error END,
      delivered_at = CASE finished.delivery WHEN 'delivered'
        THEN coalesce(d.delivered_at, date_trunc('milliseconds', statement_timestamp())) END
    FROM finished
    WHERE d.workspace_id = finished.workspace_id AND d.id = finished.delivery_id
      AND (finished.delivery IS NOT NULL OR d.state = 'sending')
    RETURNING d.workspace_id, d.end_user_id, CASE WHEN finished.contact THEN d.delivered_at END AS contacted_at
  ),
  contacted AS (
    UPDATE end_users u
    SET last_contacted_at = greatest(u.last_contacted_at, recorded.contacted_at)
    FROM recorded
    WHERE u.workspace_id = recorded.workspace_id AND u.id = recorded.end_user_id AND recorded.contacted_at IS NOT NULL
  ),
  advanced AS (
    UPDATE enrollments e
    SET state = finished.to_state, reason = finished.reason, step = finished.step,
      visit = coalesce(finished.visit, e.visit), since = coalesce(finished.since, e.since),
      finished_at = CASE finished.to_state WHEN 'active' THEN NULL ELSE date_trunc('milliseconds', statement_timestamp()) END
    FROM finished
    WHERE e.workspace_id = finished.workspace_id AND e.id = finished.enrollment_id AND ${inState('e', 'active')}
    RETURNING finished.*, e.pokes <> finished.pokes AS poked
  ),
  following AS (
    INSERT INTO work (workspace_id, series_key, enrollment_id, step, visit, due_at, listening, traceparent)
    SELECT workspace_id, series_key, enrollment_id, step, visit,
      CASE WHEN poked AND listens THEN least(due_at, date_trunc('milliseconds', statement_timestamp())) ELSE due_at END,
      listens, traceparent
    FROM advanced WHERE to_state = 'active'
    ON CONFLICT (workspace_id, enrollment_id, step, visit) DO NOTHING
  ),
  trod AS (${trailText(16, 'finished', toldOf)})
  SELECT token FROM finished`;
