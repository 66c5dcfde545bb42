import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import { inState } from '../work/in-state.js';
import type { WorkJob } from '../work/job.js';
import { rowsOf } from '../work/lists.js';
import { takeDue } from '../work/take-due.js';
import { chunkJobId } from './chunk-job.js';

export type ChunkQueue = Queue<WorkJob, void, 'chunk'>;

/** The queue of chunks beside that of steps. */
export const chunkQueueName = (queue: string): string => `${queue}-chunks`;

/**
 * Chunks that may wait in Redis. However large an audience is, the rest of it is in Postgres, and whatever else becomes due
 * meanwhile has its turn soon.
 */
const most = 50;

export interface ChunkRelayOptions {
  readonly pool: Pool;
  readonly queue: ChunkQueue;
  /** Milliseconds ahead of its time that a chunk goes to Redis. */
  readonly horizon: number;
}

/**
 * One round of the relay for chunks, as a function that answers whether there may be more to do. Whether Redis still is the
 * one it was, the relay of steps finds out for both.
 */
export function chunkRelayRound({ pool, queue, horizon }: ChunkRelayOptions): () => Promise<boolean> {
  let after = '';
  return async () => {
    const limit = most - (await queue.getJobCountByTypes('waiting', 'delayed'));
    if (limit < 1) return false;
    const jobs = await takeDue(pool, { kind: 'chunk', horizon, limit, after });
    after = jobs.at(-1)?.workspace ?? '';
    if (jobs.length === 0) return false;
    await queue.addBulk(
      jobs.map(({ workspace, work, epoch, delay }) => ({
        name: 'chunk' as const,
        data: { workspace, work, epoch },
        opts: {
          jobId: chunkJobId({ workspace, work, epoch }),
          delay,
          // What comes a second time is late already, and goes before what waits.
          lifo: epoch > 1,
          // A kept job would make BullMQ ignore its id for ever.
          removeOnComplete: true,
          removeOnFail: true,
          // Attempts live in Postgres.
          attempts: 1,
        },
      })),
    );
    return true;
  };
}

/**
 * Makes chunks due again that are enqueued and whose job Redis does not have, as `lostFinder` does for steps. Answers how many.
 *
 * @param age milliseconds after which a chunk that is still enqueued is looked for
 */
export async function findLostChunks(
  pool: Pool,
  redis: Redis,
  queue: ChunkQueue,
  age: number,
): Promise<number> {
  const { rows } = await pool.query<WorkJob>(findEnqueued, [age]);
  if (rows.length === 0) return 0;
  const asked = redis.pipeline();
  for (const row of rows) asked.exists(queue.toKey(chunkJobId(row)));
  // While Redis does not answer nothing is known.
  const answers = await asked.exec().catch(() => null);
  const missing = rows.filter((_, index) => {
    const [error, count] = answers?.[index] ?? [null, null];
    return error === null && count === 0;
  });
  if (missing.length === 0) return 0;
  const { rowCount } = await pool.query(offerAgain, [
    missing.map(({ workspace }) => workspace),
    missing.map(({ work }) => work),
    missing.map(({ epoch }) => epoch),
  ]);
  return rowCount ?? 0;
}

const findEnqueued = `
  SELECT workspace_id AS workspace, id AS work, epoch FROM work
  WHERE kind = 'chunk' AND state = 'enqueued' AND enqueued_at < statement_timestamp() - $1 * interval '1 millisecond'
  LIMIT 1000`;

const offerAgain = `
  UPDATE work w SET state = 'pending'
  FROM ${rowsOf(['text', 'bigint', 'integer'])} AS lost (workspace_id, id, epoch)
  WHERE w.workspace_id = lost.workspace_id AND w.id = lost.id AND w.epoch = lost.epoch AND ${inState('w', 'enqueued')}`;
