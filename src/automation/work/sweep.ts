import type { Pool } from '../../database/pool.js';

export interface SweepOptions {
  /** Channels that would not recognise a repeat: their lost confirmations are parked as `unknown`. */
  readonly parking: readonly string[];
  /** Milliseconds that a row may stay enqueued before it is offered again. */
  readonly enqueuedFor: number;
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
export async function sweepWork(pool: Pool, { parking, enqueuedFor }: SweepOptions): Promise<Swept> {
  const { rows } = await pool.query<{ state: string; count: number }>(sweepExpired, [parking]);
  const count = (state: string): number => rows.find((row) => row.state === state)?.count ?? 0;
  const stale = await pool.query(sweepEnqueued, [enqueuedFor]);
  const released = await pool.query(sweepHeld);
  return {
    expired: count('pending'),
    parked: count('unknown'),
    stale: stale.rowCount ?? 0,
    released: released.rowCount ?? 0,
  };
}

const sweepExpired = `
  WITH expired AS MATERIALIZED (
    SELECT workspace_id, id, delivery_id FROM work
    WHERE state = 'claimed' AND lease_until < statement_timestamp()
    LIMIT 1000
    FOR NO KEY UPDATE SKIP LOCKED
  ),
  verdict AS (
    SELECT expired.workspace_id, expired.id,
      CASE WHEN d.state = 'sending' AND (d.parks OR d.channel = ANY ($1::text[])) THEN 'unknown' ELSE 'pending' END AS state
    FROM expired
    LEFT JOIN deliveries d ON d.workspace_id = expired.workspace_id AND d.id = expired.delivery_id
  ),
  swept AS (
    UPDATE work w
    SET state = verdict.state, token = NULL, lease_until = NULL,
      last_error = 'the worker that held this step went away'
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
