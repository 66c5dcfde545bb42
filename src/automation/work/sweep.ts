import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { rowsOf } from './lists.js';

export interface SweepOptions {
  /** Channels that would not recognise a repeat: their lost confirmations are parked as `unknown`. */
  readonly parking: readonly string[];
  /** Milliseconds that a row may stay enqueued before it is offered again. */
  readonly enqueuedFor: number;
  /** A number from 0 (included) to 1 (excluded), for how long a step waits that lost its worker more than once. Default 0. */
  readonly jitter?: () => number;
}

export interface Swept {
  /** Claims whose lease ran out: due again. */
  readonly expired: number;
  /** Claims whose lease ran out after their channel was called: left to the operator. */
  readonly parked: number;
  /** Rows enqueued for too long: offered again. */
  readonly stale: number;
  /** Rows held for a series that is active again. */
  readonly released: number;
}

/** Finds what no worker will come back to and makes it due again. Rows somebody is working on are skipped. */
export async function sweepWork(
  pool: Pool,
  { parking, enqueuedFor, jitter = () => 0 }: SweepOptions,
): Promise<Swept> {
  const ended = await endLeases(pool, parking, (attempt) => apart(attempt, jitter));
  const stale = await pool.query(sweepEnqueued, [enqueuedFor]);
  const released = await pool.query(sweepHeld);
  return {
    expired: ended.get('pending') ?? 0,
    parked: ended.get('unknown') ?? 0,
    stale: stale.rowCount ?? 0,
    released: released.rowCount ?? 0,
  };
}

/**
 * By the state that the rows have now. In two statements, because one sees the deliveries as they were when it began: a
 * delivery that was committed before its row could be locked would be missed, and what may have been sent offered again.
 */
async function endLeases(
  pool: Pool,
  parking: readonly string[],
  later: (attempt: number) => number,
): Promise<ReadonlyMap<string, number>> {
  return inTransaction(pool, async (client) => {
    const { rows: over } = await client.query<Expired>(lockExpired);
    if (over.length === 0) return new Map();
    const { rows } = await client.query<{ state: string; count: number }>(giveBackExpired, [
      over.map(({ workspace }) => workspace),
      over.map(({ work }) => work),
      over.map(({ attempt }) => later(attempt)),
      parking,
    ]);
    return new Map(rows.map(({ state, count }) => [state, count]));
  });
}

interface Expired {
  readonly workspace: string;
  readonly work: string;
  readonly attempt: number;
}

/** The longest that a step waits for having lost its worker again and again, in milliseconds. */
const longestApart = 60_000;

/**
 * Milliseconds. A step that takes its worker with it takes those along that were in hand beside it. They come again at once the
 * first time; from the second on each by itself, somewhere in a stretch that doubles, so that it is given up alone.
 */
function apart(attempt: number, jitter: () => number): number {
  if (attempt < 2) return 0;
  return Math.max(0, Math.round(Math.min(1000 * 2 ** attempt, longestApart) * jitter()));
}

const lockExpired = `
  SELECT workspace_id AS workspace, id AS work, attempts AS attempt FROM work
  WHERE state = 'claimed' AND lease_until < statement_timestamp()
  LIMIT 1000
  FOR NO KEY UPDATE SKIP LOCKED`;

const giveBackExpired = `
  WITH verdict AS (
    SELECT expired.workspace_id, expired.id, expired.later,
      CASE WHEN d.state = 'sending' AND (d.parks OR d.channel = ANY ($4::text[])) THEN 'unknown' ELSE 'pending' END AS state
    FROM ${rowsOf(['text', 'bigint', 'integer'])} AS expired (workspace_id, id, later)
    JOIN work w ON w.workspace_id = expired.workspace_id AND w.id = expired.id
    LEFT JOIN deliveries d ON d.workspace_id = w.workspace_id AND d.id = w.delivery_id
  ),
  swept AS (
    UPDATE work w
    SET state = verdict.state, token = NULL, lease_until = NULL,
      last_error = 'the worker that held this step went away',
      due_at = CASE WHEN verdict.later = 0 THEN w.due_at ELSE greatest(w.due_at,
        date_trunc('milliseconds', statement_timestamp()) + verdict.later * interval '1 millisecond') END
    FROM verdict
    WHERE w.workspace_id = verdict.workspace_id AND w.id = verdict.id
    RETURNING w.workspace_id, w.delivery_id, w.state
  ),
  recorded AS (
    UPDATE deliveries d SET state = 'unknown', last_error = 'the confirmation was lost'
    FROM swept
    WHERE swept.state = 'unknown' AND d.workspace_id = swept.workspace_id AND d.id = swept.delivery_id
  )
  SELECT state, count(*)::integer AS count FROM swept GROUP BY state`;

const sweepEnqueued = `
  WITH stale AS MATERIALIZED (
    SELECT workspace_id, id FROM work
    WHERE state = 'enqueued' AND enqueued_at < statement_timestamp() - $1 * interval '1 millisecond'
    LIMIT 10000
    FOR NO KEY UPDATE SKIP LOCKED
  )
  UPDATE work w SET state = 'pending'
  FROM stale WHERE w.workspace_id = stale.workspace_id AND w.id = stale.id`;

// A claim that read "paused" while the series was being resumed leaves a held row behind.
const sweepHeld = `
  UPDATE work w SET held = false
  FROM series s
  WHERE w.held AND s.workspace_id = w.workspace_id AND s.key = w.series_key AND s.state <> 'paused'`;
