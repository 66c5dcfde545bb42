import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import { inState } from './in-state.js';
import { jobIdOf } from './job.js';
import { rowsOf } from './lists.js';
import type { WorkQueue } from './relay.js';

export interface LostOptions {
  readonly pool: Pool;
  readonly redis: Redis;
  readonly queue: WorkQueue;
  /** Milliseconds after which a row that is still enqueued is looked for in Redis. */
  readonly age: number;
}

interface EnqueuedRow {
  workspace: string;
  work: string;
  epoch: number;
}

/** Rows looked at in one round. */
const most = 1000;

/**
 * Finds rows that are enqueued and whose job Redis does not have: a relay that died before it offered them, a job that
 * ended without a claim. They are due again at once, so that neither waits for the slow sweep. A function that answers how
 * many it found; each round goes on where the last one stopped.
 *
 * A job that was only late to arrive is of an older epoch by then, and is dropped. While Redis does not answer nothing is
 * known, and nothing is done.
 */
export function lostFinder({ pool, redis, queue, age }: LostOptions): () => Promise<number> {
  let after = '0';
  return async () => {
    const { rows } = await pool.query<EnqueuedRow>(findEnqueued, [age, after, most]);
    after = rows.length < most ? '0' : (rows.at(-1)?.work ?? '0');
    if (rows.length === 0) return 0;
    const missing = await notInRedis(redis, queue, rows);
    if (missing.length === 0) return 0;
    const { rowCount } = await pool.query(offerAgain, [
      missing.map((row) => row.workspace),
      missing.map((row) => row.work),
      missing.map((row) => row.epoch),
    ]);
    return rowCount ?? 0;
  };
}

async function notInRedis(
  redis: Redis,
  queue: WorkQueue,
  rows: readonly EnqueuedRow[],
): Promise<EnqueuedRow[]> {
  const asked = redis.pipeline();
  for (const row of rows) asked.exists(queue.toKey(jobIdOf(row)));
  try {
    const answers = await asked.exec();
    return rows.filter((_, index) => {
      const [error, count] = answers?.[index] ?? [null, null];
      return error === null && count === 0;
    });
  } catch {
    return [];
  }
}

const findEnqueued = `
  SELECT workspace_id AS workspace, id AS work, epoch FROM work
  WHERE state = 'enqueued' AND enqueued_at < statement_timestamp() - $1 * interval '1 millisecond' AND id > $2::bigint
  ORDER BY id
  LIMIT $3`;

const offerAgain = `
  UPDATE work w SET state = 'pending'
  FROM ${rowsOf(['text', 'bigint', 'integer'])} AS lost (workspace_id, id, epoch)
  WHERE w.workspace_id = lost.workspace_id AND w.id = lost.id AND w.epoch = lost.epoch AND ${inState('w', 'enqueued')}`;
