import type { Pool } from '../../database/pool.js';
import type { UserRecord } from '../../filter/record.js';
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
  readonly step: string;
  readonly visit: number;
  /** This attempt's number; the first is 1. */
  readonly attempt: number;
  readonly lastError: string | null;
  /** The delivery's id and idempotency key. */
  readonly delivery: string;
  readonly endUser: string;
  readonly user: UserRecord;
  /** When it was claimed, on the clock of Postgres, in milliseconds since 1970 (UTC). */
  readonly now: number;
}

/**
 * Claims enqueued work for `lease` milliseconds, all jobs in one statement; null for each job that is a duplicate or
 * stale: its row has another epoch, is claimed by somebody else, or is over.
 *
 * What came due in a paused series is held instead, and cancelled where the series is archived, the person has left, or
 * nothing may be sent to them any more.
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

interface ClaimRow {
  workspace: string;
  work: string;
  token: string;
  series: string;
  version: number;
  step: string;
  visit: number;
  attempt: number;
  last_error: string | null;
  delivery: string;
  end_user: string;
  person: UserRecord;
  company: UserRecord['company'];
  now: number;
}

function claimOf({ last_error, end_user, person, company, ...row }: ClaimRow): Claim {
  return { ...row, lastError: last_error, endUser: end_user, user: { ...person, company } };
}

// Each row is looked up alone, behind a fence (OFFSET 0): joined freely on workspace_id, a planner without statistics
// reads the whole workspace for each batch.
const claimEnqueued = `
  WITH job AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::uuid[]) AS job (workspace_id, id, epoch, token)
  ),
  verdict AS MATERIALIZED (
    SELECT job.workspace_id, job.id, job.epoch, job.token, e.version, e.end_user_id,
      CASE
        WHEN e.state <> 'active' OR s.state = 'archived' OR muster_suppressed(job.workspace_id, e.end_user_id) THEN 'cancelled'
        WHEN s.state = 'paused' THEN 'pending'
        ELSE 'claimed'
      END AS state
    FROM job
    CROSS JOIN LATERAL (
      SELECT w.enrollment_id, w.series_key FROM work w WHERE w.workspace_id = job.workspace_id AND w.id = job.id OFFSET 0
    ) AS w
    CROSS JOIN LATERAL (
      SELECT e.state, e.version, e.end_user_id FROM enrollments e
      WHERE e.workspace_id = job.workspace_id AND e.id = w.enrollment_id OFFSET 0
    ) AS e
    CROSS JOIN LATERAL (
      SELECT s.state FROM series s WHERE s.workspace_id = job.workspace_id AND s.key = w.series_key OFFSET 0
    ) AS s
  ),
  taken AS (
    UPDATE work w
    SET state = verdict.state,
      held = verdict.state = 'pending',
      token = CASE verdict.state WHEN 'claimed' THEN verdict.token END,
      lease_until = CASE verdict.state WHEN 'claimed' THEN statement_timestamp() + $5 * interval '1 millisecond' END,
      attempts = w.attempts + CASE verdict.state WHEN 'claimed' THEN 1 ELSE 0 END,
      finished_at = CASE verdict.state WHEN 'cancelled' THEN statement_timestamp() END
    FROM verdict
    WHERE w.workspace_id = verdict.workspace_id AND w.id = verdict.id AND w.epoch = verdict.epoch
      AND (w.state = 'enqueued' OR w.state = 'claimed' AND w.token = verdict.token)
    RETURNING w.*, verdict.version, verdict.end_user_id
  ),
  exited AS (
    UPDATE enrollments e
    SET state = 'exited', finished_at = statement_timestamp()
    FROM taken
    WHERE taken.state = 'cancelled' AND e.workspace_id = taken.workspace_id AND e.id = taken.enrollment_id
      AND e.state = 'active'
  )
  SELECT taken.workspace_id AS workspace, taken.id AS work, taken.token, taken.series_key AS series, taken.version,
    taken.step, taken.visit, taken.attempts AS attempt, taken.last_error, taken.delivery_id AS delivery,
    taken.end_user_id AS end_user, u.row AS person, c.row AS company,
    floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now
  FROM taken
  CROSS JOIN LATERAL (
    SELECT to_jsonb(u) AS row, u.company_id FROM end_users u
    WHERE u.workspace_id = taken.workspace_id AND u.id = taken.end_user_id OFFSET 0
  ) AS u
  LEFT JOIN LATERAL (
    SELECT to_jsonb(c) AS row FROM companies c
    WHERE c.workspace_id = taken.workspace_id AND c.company_id = u.company_id OFFSET 0
  ) AS c ON true
  WHERE taken.state = 'claimed'`;
