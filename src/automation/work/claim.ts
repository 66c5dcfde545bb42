import type { Pool } from '../../database/pool.js';
import { inState } from './in-state.js';
import { rowsOf } from './lists.js';
import type { UserRecord } from '../../filter/record.js';
import { millis, nowColumn, personColumns, personJoins } from '../facts/person.js';
import type { PersonRow } from '../facts/person.js';
import { zoneOfPerson } from '../facts/zone.js';
import type { Active } from '../series/moves.js';
import type { WorkspaceCap } from '../workspace-caps.js';
import type { WorkJob } from './job.js';

export interface ClaimRequest extends WorkJob {
  /** A fresh uuid: who holds the claim. Asking again with the same one answers the same claim. */
  readonly token: string;
}

/** A work row that this worker holds until `lease` is over. */
export interface Claim {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly series: string;
  readonly version: number;
  readonly enrollment: string;
  /** Where the person stands. */
  readonly state: Active;
  /** When they entered, in milliseconds since 1970 (UTC). */
  readonly enteredAt: number;
  /** What the counter of happenings was before the person was read. */
  readonly pokes: number;
  /** This attempt's number; the first is 1. */
  readonly attempt: number;
  readonly lastError: string | null;
  /** The delivery's id and idempotency key. */
  readonly delivery: string;
  readonly endUser: string;
  readonly user: UserRecord;
  /** From everything, or from what the series is about. */
  readonly suppressed: boolean;
  /** What the series' messages are about; null where nothing in particular. */
  readonly topic: string | null;
  readonly zone: string;
  readonly workspaceZone: string;
  readonly workspaceCaps: readonly WorkspaceCap[];
  /** When it was claimed, on the clock of Postgres, in milliseconds since 1970 (UTC). */
  readonly now: number;
  /** When it was to be done, in milliseconds since 1970 (UTC). */
  readonly dueAt: number;
  /** The span that leads here, as W3C writes it; null where nobody traces. */
  readonly trace: string | null;
}

/**
 * Claims enqueued work for `lease` milliseconds, all jobs in one statement; null for each job that is a duplicate or
 * stale: its row has another epoch, is claimed by somebody else, or is over.
 *
 * What came due in a paused series is held instead, and cancelled where the series is archived or the person has left.
 * Whether anything may be sent to the person is read in the same statement.
 */
export async function claimWork(
  pool: Pool,
  jobs: readonly ClaimRequest[],
  lease: number,
): Promise<readonly (Claim | null)[]> {
  const { rows } = await pool.query<ClaimRow>(claimEnqueued, [
    jobs.map((job) => job.workspace),
    jobs.map((job) => job.work),
    jobs.map((job) => job.epoch),
    jobs.map((job) => job.token),
    lease,
  ]);
  const claims = new Map(rows.map((row) => [row.token, claimOf(row)]));
  return jobs.map((job) => claims.get(job.token) ?? null);
}

interface ClaimRow extends PersonRow {
  workspace: string;
  work: string;
  token: string;
  series: string;
  version: number;
  enrollment: string;
  step: string;
  visit: number;
  since: number;
  entered_at: number;
  pokes: number;
  attempt: number;
  last_error: string | null;
  delivery: string;
  end_user: string;
  now: number;
  due_at: number;
  trace: string | null;
  topic: string | null;
}

function claimOf(row: ClaimRow): Claim {
  const { step, visit, since, person, company } = row;
  return {
    workspace: row.workspace,
    work: row.work,
    token: row.token,
    series: row.series,
    version: row.version,
    enrollment: row.enrollment,
    state: { status: 'active', step, visit, since },
    enteredAt: row.entered_at,
    pokes: row.pokes,
    attempt: row.attempt,
    lastError: row.last_error,
    delivery: row.delivery,
    endUser: row.end_user,
    user: { ...person, company },
    suppressed: row.suppressed,
    topic: row.topic,
    zone: zoneOfPerson(person, row.zone_field, row.workspace_zone),
    workspaceZone: row.workspace_zone,
    workspaceCaps: row.workspace_caps,
    now: row.now,
    dueAt: row.due_at,
    trace: row.trace,
  };
}

// The verdict is reached before the update, so that a row that is to be held or cancelled is never claimed first. Each
// lookup is fenced, for the reason given where people are read.
const claimEnqueued = `
  WITH job AS (
    SELECT * FROM ${rowsOf(['text', 'bigint', 'integer', 'uuid'])} AS job (workspace_id, id, epoch, token)
  ),
  verdict AS MATERIALIZED (
    SELECT job.workspace_id, job.id, job.epoch, job.token, e.version, e.end_user_id, e.since, e.entered_at, e.pokes, s.topic,
      CASE
        WHEN e.state <> 'active' OR s.state = 'archived' OR (e.step, e.visit) IS DISTINCT FROM (w.step, w.visit) THEN 'cancelled'
        WHEN s.state = 'paused' THEN 'pending'
        ELSE 'claimed'
      END AS state,
      s.state = 'archived' AS archived
    FROM job
    CROSS JOIN LATERAL (
      SELECT * FROM work w WHERE w.workspace_id = job.workspace_id AND w.id = job.id OFFSET 0
    ) AS w
    CROSS JOIN LATERAL (
      SELECT * FROM enrollments e WHERE e.workspace_id = job.workspace_id AND e.id = w.enrollment_id OFFSET 0
    ) AS e
    CROSS JOIN LATERAL (
      SELECT s.state, s.topic FROM series s WHERE s.workspace_id = job.workspace_id AND s.key = w.series_key OFFSET 0
    ) AS s
  ),
  taken AS (
    UPDATE work w
    SET state = verdict.state,
      held = verdict.state = 'pending',
      token = CASE verdict.state WHEN 'claimed' THEN verdict.token END,
      lease_until = CASE verdict.state WHEN 'claimed' THEN statement_timestamp() + $5 * interval '1 millisecond' END,
      -- Asking again after an answer that was lost is no further attempt.
      attempts = w.attempts + CASE WHEN verdict.state = 'claimed' AND w.token IS NULL THEN 1 ELSE 0 END,
      finished_at = CASE verdict.state WHEN 'cancelled' THEN statement_timestamp() END
    FROM verdict
    WHERE w.workspace_id = verdict.workspace_id AND w.id = verdict.id AND w.epoch = verdict.epoch
      AND (${inState('w', 'enqueued')} OR ${inState('w', 'claimed')} AND w.token = verdict.token)
    RETURNING w.*, verdict.version, verdict.end_user_id, verdict.since, verdict.entered_at, verdict.pokes,
      verdict.archived, verdict.topic
  ),
  exited AS (
    UPDATE enrollments e
    SET state = 'exited', reason = 'archived', finished_at = statement_timestamp()
    FROM taken
    WHERE taken.archived AND taken.state = 'cancelled' AND e.workspace_id = taken.workspace_id AND e.id = taken.enrollment_id
      AND ${inState('e', 'active')}
  )
  SELECT taken.workspace_id AS workspace, taken.id AS work, taken.token, taken.series_key AS series, taken.version,
    taken.enrollment_id AS enrollment, taken.step, taken.visit, ${millis('taken.since')} AS since,
    ${millis('taken.entered_at')} AS entered_at, taken.pokes, taken.attempts AS attempt, taken.last_error,
    taken.delivery_id AS delivery, taken.end_user_id AS end_user, ${millis('taken.due_at')} AS due_at,
    taken.traceparent AS trace, taken.topic, ${personColumns}, ${nowColumn}
  FROM taken ${personJoins('taken', 'taken.topic')}
  WHERE taken.state = 'claimed'`;
