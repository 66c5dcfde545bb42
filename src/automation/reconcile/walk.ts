import type { Pool } from '../../database/pool.js';
import { inState } from '../work/in-state.js';

/** What one stretch of the walk found. */
export interface Walked {
  /** People inside a series for whom nothing was planned any more; each has a work row again. */
  readonly stranded: number;
  /** Steps that count as done although their delivery does not say so. Only told: nobody can know what happened. */
  readonly undelivered: number;
  /** Whether the walk came to its end and begins anew. */
  readonly round: boolean;
}

/**
 * A walk through everybody inside a series and through every work row, a stretch at each call, so that all of it is looked
 * at in time and none of it at once.
 *
 * Somebody inside without live work is given the row of the place where they stand, due now: the machine decides what
 * follows. Where the row is there and over, it is taken up again with its delivery's id, so that a message which did
 * arrive is not sent twice.
 */
export function reconciler(pool: Pool, stretch = 5000): () => Promise<Walked> {
  let person: readonly [workspace: string, endUser: string, enrollment: string] | null = null;
  let row: readonly [workspace: string, work: string] | null = null;
  return async () => {
    const inside = await pool.query<{
      last: [string, string, string] | null;
      count: number;
      stranded: number;
    }>(walkPeople, [
      person?.[0] ?? '',
      person?.[1] ?? '00000000-0000-0000-0000-000000000000',
      person?.[2] ?? '0',
      stretch,
    ]);
    const people = inside.rows[0];
    const wentRound = (people?.count ?? 0) < stretch;
    person = wentRound ? null : (people?.last ?? null);
    const done = await pool.query<{ last: [string, string] | null; count: number; undelivered: number }>(
      walkWork,
      [row?.[0] ?? '', row?.[1] ?? '0', stretch],
    );
    const work = done.rows[0];
    row = (work?.count ?? 0) < stretch ? null : (work?.last ?? null);
    return { stranded: people?.stranded ?? 0, undelivered: work?.undelivered ?? 0, round: wentRound };
  };
}

// One statement sees one moment, in which an enrolment and its row are there together or not at all. The insert looks
// once more: a row that somebody made meanwhile is left alone.
const walkPeople = `
  WITH stretch AS MATERIALIZED (
    SELECT e.workspace_id, e.end_user_id, e.id, e.series_key, e.step, e.visit FROM enrollments e
    WHERE e.state = 'active' AND (e.workspace_id, e.end_user_id, e.id) > ($1::text, $2::uuid, $3::bigint)
    ORDER BY e.workspace_id, e.end_user_id, e.id LIMIT $4
  ),
  stranded AS MATERIALIZED (
    SELECT e.workspace_id, e.id, e.series_key, e.step, e.visit
    FROM stretch JOIN enrollments e ON e.workspace_id = stretch.workspace_id AND e.id = stretch.id
    WHERE ${inState('e', 'active')} AND e.step IS NOT NULL AND NOT EXISTS (
      SELECT FROM work w
      WHERE w.workspace_id = stretch.workspace_id AND w.enrollment_id = stretch.id
        AND w.state IN ('pending', 'enqueued', 'claimed', 'unknown')
    )
    FOR NO KEY UPDATE OF e SKIP LOCKED
  ),
  repaired AS (
    INSERT INTO work AS w (workspace_id, series_key, enrollment_id, step, visit, due_at, listening)
    SELECT workspace_id, series_key, id, step, visit, date_trunc('milliseconds', statement_timestamp()), true FROM stranded
    ON CONFLICT (workspace_id, enrollment_id, step, visit) DO UPDATE
      SET state = 'pending', held = false, due_at = EXCLUDED.due_at, attempts = 0, finished_at = NULL, listening = true
      WHERE w.state IN ('done', 'failed', 'cancelled')
    RETURNING 1
  )
  SELECT
    (SELECT json_build_array(workspace_id, end_user_id, id::text) FROM stretch
     ORDER BY workspace_id DESC, end_user_id DESC, id DESC LIMIT 1) AS last,
    (SELECT count(*)::integer FROM stretch) AS count,
    (SELECT count(*)::integer FROM repaired) AS stranded`;

const walkWork = `
  WITH stretch AS MATERIALIZED (
    SELECT w.workspace_id, w.id, w.state, w.delivery_id FROM work w
    WHERE (w.workspace_id, w.id) > ($1::text, $2::bigint)
    ORDER BY w.workspace_id, w.id LIMIT $3
  )
  SELECT
    (SELECT json_build_array(workspace_id, id::text) FROM stretch ORDER BY workspace_id DESC, id DESC LIMIT 1) AS last,
    (SELECT count(*)::integer FROM stretch) AS count,
    (SELECT count(*)::integer FROM stretch
     JOIN deliveries d ON d.workspace_id = stretch.workspace_id AND d.id = stretch.delivery_id
     WHERE stretch.state = 'done' AND d.state = 'sending') AS undelivered`;
