import type { Pool } from '../../database/pool.js';

/** What must hold in the queue of record, as figures; ages in milliseconds, null where there is nothing to be old. */
export interface Invariants {
  /** Age of the oldest work that is due and not yet offered to Redis. Grows where the relay does not keep up. */
  readonly oldestDueMs: number | null;
  /** Rows offered to Redis longer ago than the limit, which nobody claimed. */
  readonly enqueuedTooLong: number;
  /** Claims whose lease is over. */
  readonly claimedPastLease: number;
  /** Steps, and recipients of broadcasts, that were given up. */
  readonly failed: number;
  /** Those of which nobody knows whether they were delivered; an operator decides. */
  readonly unknown: number;
  /** Chunks of broadcasts that are not over. */
  readonly chunksOpen: number;
  /** What waits in the outbox, and the age of the oldest. */
  readonly outboxDepth: number;
  readonly outboxOldestMs: number | null;
  /** Shares that a series failed on. */
  readonly outboxParked: number;
  /** How long ago the schedule that waits longest should have been looked at. Grows where no scheduler runs. */
  readonly scheduleOverdueMs: number | null;
  /** Age of the oldest run of a schedule that is not over, and how many were given up in the last day. */
  readonly oldestRunMs: number | null;
  readonly runsFailed: number;
  /** Active series that let nobody in for longer than their history explains. */
  readonly seriesSilent: number;
}

/** Reads the figures. Each comes from an index that holds what is under way only, however much is behind. */
export async function readInvariants(pool: Pool, enqueuedFor: number): Promise<Invariants> {
  const { rows } = await pool.query<Invariants>(readFigures, [enqueuedFor]);
  const [figures] = rows;
  if (figures === undefined) throw new Error('a statement without a table answers one row');
  return figures;
}

const age = (since: string): string =>
  `floor(extract(epoch FROM statement_timestamp() - ${since}) * 1000)::double precision`;

// Hops from workspace to workspace, as the relay does.
const readFigures = `
  WITH RECURSIVE tenant (workspace_id, due_at) AS (
    (SELECT workspace_id, due_at FROM work WHERE state = 'pending' AND NOT held ORDER BY workspace_id, due_at LIMIT 1)
    UNION ALL
    SELECT next.workspace_id, next.due_at
    FROM tenant CROSS JOIN LATERAL (
      SELECT w.workspace_id, w.due_at FROM work w
      WHERE w.state = 'pending' AND NOT w.held AND w.workspace_id > tenant.workspace_id
      ORDER BY w.workspace_id, w.due_at LIMIT 1
    ) AS next
  ),
  parked AS (
    SELECT count(*) FILTER (WHERE state = 'failed')::integer AS failed,
      count(*) FILTER (WHERE state = 'unknown')::integer AS unknown
    FROM (
      SELECT state FROM work WHERE state IN ('unknown', 'failed')
      UNION ALL
      SELECT r.state FROM broadcast_parked p
      JOIN broadcast_recipients r ON r.workspace_id = p.workspace_id AND r.run_id = p.run_id AND r.number = p.number
    ) AS each
  ),
  waiting AS (
    SELECT count(*)::integer AS depth, min(created_at) AS oldest FROM outbox WHERE NOT parked
  )
  SELECT
    (SELECT ${age('min(due_at)')} FROM tenant WHERE due_at <= statement_timestamp()) AS "oldestDueMs",
    (SELECT count(*)::integer FROM work
     WHERE state = 'enqueued' AND enqueued_at < statement_timestamp() - $1 * interval '1 millisecond') AS "enqueuedTooLong",
    (SELECT count(*)::integer FROM work WHERE state = 'claimed' AND lease_until < statement_timestamp()) AS "claimedPastLease",
    parked.failed, parked.unknown,
    (SELECT count(*)::integer FROM work
     WHERE kind = 'chunk' AND state IN ('pending', 'enqueued', 'claimed')) AS "chunksOpen",
    waiting.depth AS "outboxDepth", ${age('waiting.oldest')} AS "outboxOldestMs",
    (SELECT count(*)::integer FROM outbox WHERE parked) AS "outboxParked",
    (SELECT ${age('min(next_at)')} FROM schedules WHERE next_at <= statement_timestamp()) AS "scheduleOverdueMs",
    (SELECT ${age('min(started_at)')} FROM schedule_runs WHERE state = 'running') AS "oldestRunMs",
    (SELECT count(*)::integer FROM schedule_runs
     WHERE state = 'failed' AND finished_at > statement_timestamp() - interval '1 day') AS "runsFailed",
    (SELECT count(*)::integer FROM series WHERE state = 'active' AND silent_since IS NOT NULL) AS "seriesSilent"
  FROM parked, waiting`;
