import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { RunState } from '../broadcasts/runs.js';
import { canaryAge } from '../canary.js';

/** What is under way in a workspace, from the queue of record. Ages are in milliseconds. */
export interface QueueView {
  /** By series, those with anything under way or parked. */
  readonly series: readonly QueuedSeries[];
  /** Runs of broadcasts that are under way or paused, or have anybody parked. */
  readonly broadcasts: readonly QueuedBroadcast[];
  /** What happened and was not yet taken in; `parked`: shares that a series failed on for good. */
  readonly outbox: { readonly waiting: number; readonly oldest_ms: number | null; readonly parked: number };
  /** Since when no job has gone the whole way through Redis to a worker and back; null before the first. */
  readonly canary_age_ms: number | null;
}

export interface QueuedSeries {
  readonly series: string;
  readonly state: 'active' | 'paused' | 'archived';
  /** Waits whose time has not come. */
  readonly later: number;
  /** Due and not yet offered to Redis, and the age of the oldest of them. */
  readonly due: number;
  readonly oldest_due_ms: number | null;
  /** Offered to Redis. */
  readonly enqueued: number;
  /** Being worked on. */
  readonly claimed: number;
  /** Came due while the series was paused. */
  readonly held: number;
  readonly unknown: number;
  readonly failed: number;
}

/** A launch; its numbers are chunks of up to 500 recipients, but for the last three. */
export interface QueuedBroadcast {
  readonly broadcast: string;
  readonly run: string;
  readonly state: RunState;
  readonly later: number;
  readonly due: number;
  readonly oldest_due_ms: number | null;
  readonly enqueued: number;
  readonly claimed: number;
  readonly held: number;
  /** People it was launched to, sent to or not. */
  readonly recipients: number;
  /** People who are parked. */
  readonly unknown: number;
  readonly failed: number;
}

/** Reads it in one moment. `queue` names the BullMQ queue. */
export async function readQueue(pool: Pool, workspaceId: string, queue = 'muster'): Promise<QueueView> {
  const view = await inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const { rows: series } = await client.query<QueuedSeries>(readWork, [workspaceId]);
      const { rows: broadcasts } = await client.query<QueuedBroadcast>(readChunks, [workspaceId]);
      const { rows: outbox } = await client.query<QueueView['outbox']>(readOutbox, [workspaceId]);
      return { series, broadcasts, outbox: outbox[0] ?? { waiting: 0, oldest_ms: null, parked: 0 } };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
  return { ...view, canary_age_ms: await canaryAge(pool, queue) };
}

const age = (since: string): string =>
  `floor(extract(epoch FROM statement_timestamp() - ${since}) * 1000)::double precision`;

/** Of the rows of `work w`, in states. */
const underWay = `count(*) FILTER (WHERE w.state = 'pending' AND NOT w.held AND w.due_at > statement_timestamp())::integer AS later,
    count(*) FILTER (WHERE w.state = 'pending' AND NOT w.held AND w.due_at <= statement_timestamp())::integer AS due,
    ${age(`min(w.due_at) FILTER (WHERE w.state = 'pending' AND NOT w.held AND w.due_at <= statement_timestamp())`)}
      AS oldest_due_ms,
    count(*) FILTER (WHERE w.state = 'enqueued')::integer AS enqueued,
    count(*) FILTER (WHERE w.state = 'claimed')::integer AS claimed,
    count(*) FILTER (WHERE w.held)::integer AS held`;

const readWork = `
  SELECT w.series_key AS series, s.state,
    ${underWay},
    count(*) FILTER (WHERE w.state = 'unknown')::integer AS unknown,
    count(*) FILTER (WHERE w.state = 'failed')::integer AS failed
  FROM work w
  JOIN series s ON s.workspace_id = w.workspace_id AND s.key = w.series_key
  WHERE w.workspace_id = $1 AND w.state IN ('pending', 'enqueued', 'claimed', 'unknown', 'failed')
  GROUP BY w.series_key, s.state
  ORDER BY w.series_key`;

const readChunks = `
  SELECT run.broadcast_key AS broadcast, run.run, run.state, ${underWay}, run.recipients, coalesce(parked.unknown, 0) AS unknown,
    coalesce(parked.failed, 0) AS failed
  FROM broadcast_runs run
  LEFT JOIN work w ON w.workspace_id = run.workspace_id AND w.run_id = run.id AND w.kind = 'chunk'
    AND w.state IN ('pending', 'enqueued', 'claimed')
  LEFT JOIN (
    SELECT p.run_id, count(*) FILTER (WHERE r.state = 'unknown')::integer AS unknown,
      count(*) FILTER (WHERE r.state = 'failed')::integer AS failed
    FROM broadcast_parked p
    JOIN broadcast_recipients r ON r.workspace_id = p.workspace_id AND r.run_id = p.run_id AND r.number = p.number
    WHERE p.workspace_id = $1 GROUP BY p.run_id
  ) AS parked ON parked.run_id = run.id
  WHERE run.workspace_id = $1 AND (run.state IN ('running', 'paused') OR parked.run_id IS NOT NULL)
  GROUP BY run.id, run.broadcast_key, run.run, run.state, run.recipients, parked.unknown, parked.failed
  ORDER BY run.id`;

const readOutbox = `
  SELECT count(*) FILTER (WHERE NOT parked)::integer AS waiting, ${age('min(created_at) FILTER (WHERE NOT parked)')} AS oldest_ms,
    count(*) FILTER (WHERE parked)::integer AS parked
  FROM outbox WHERE workspace_id = $1`;
