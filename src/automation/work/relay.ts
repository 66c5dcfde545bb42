import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import type { Logger } from '../logger.js';
import { checkIncarnation } from '../redis/incarnation.js';
import { askCanary } from '../canary.js';
import { jobIdOf, mostSteps, sliceOf } from './job.js';
import type { CanaryJob, SliceJob } from './job.js';
import { slicesOf } from './slices.js';
import { takeDue } from './take-due.js';
import type { DueJob } from './take-due.js';

export type WorkQueue = Queue<SliceJob | CanaryJob, void, 'work' | 'canary'>;

export interface RelayOptions {
  readonly pool: Pool;
  readonly redis: Redis;
  readonly queue: WorkQueue;
  readonly logger: Logger;
  /** Milliseconds ahead of its time that work goes to Redis. */
  readonly horizon: number;
  /** Rows taken at once. */
  readonly batch: number;
  /** Jobs that may wait in Redis, each of many steps; the rest stays in Postgres. */
  readonly maxQueued: number;
  /** Milliseconds between two canaries; null for none. */
  readonly canaryEvery?: number | null;
}

/**
 * One round of the relay, as a function that answers whether there may be more to do: checks that Redis is still the one
 * it was, takes what is due, commits, and offers it.
 *
 * Nothing is done where Redis does not answer. A crash or an error after the commit loses nothing: the rows stay
 * enqueued until a new incarnation or the sweep makes them due again, with another epoch.
 */
export function relayRound(options: RelayOptions): () => Promise<boolean> {
  const { pool, redis, queue, logger, horizon, batch, maxQueued, canaryEvery = null } = options;
  let after = '';
  let canaryAsked = -Infinity;
  return async () => {
    const lost = await checkIncarnation(pool, redis, queue.name);
    if (lost !== null) {
      // An embedded Redis begins anew at every start; that is worth a warning only where it held something.
      const level = lost === 0 ? 'info' : 'warn';
      logger[level]({ queue: queue.name, rows: lost }, 'redis began anew; what it held is offered again');
    }
    if (canaryEvery !== null && performance.now() - canaryAsked >= canaryEvery) {
      canaryAsked = performance.now();
      const canary = await askCanary(pool, queue.name, canaryEvery);
      if (canary !== null) await offerCanary(queue, canary);
    }
    // Steps taken at the same time share jobs; the last of a batch may make a few jobs more than there is room for.
    const room = maxQueued - (await countWaiting(queue));
    const limit = Math.min(batch, room * mostSteps);
    if (limit < 1) return false;
    const jobs = await takeDue(pool, { horizon, limit, after });
    after = jobs.at(-1)?.workspace ?? '';
    await offer(queue, jobs);
    return jobs.length > 0;
  };
}

/** Hands taken work to BullMQ, in order. Ids only: Redis never sees personal data. */
export async function offer(queue: WorkQueue, jobs: readonly DueJob[]): Promise<void> {
  if (jobs.length === 0) return;
  await queue.addBulk(
    slicesOf(jobs).map(({ jobs: steps, delay, again }) => ({
      name: 'work' as const,
      data: sliceOf(steps),
      opts: {
        jobId: jobIdOf(steps),
        delay,
        lifo: again,
        // A kept job would make BullMQ ignore its id for ever.
        removeOnComplete: true,
        removeOnFail: true,
        // Attempts live in Postgres.
        attempts: 1,
      },
    })),
  );
}

async function offerCanary(queue: WorkQueue, canary: string): Promise<void> {
  const opts = { jobId: `canary-${canary}`, removeOnComplete: true, removeOnFail: true, attempts: 1 };
  await queue.add('canary', { canary }, opts);
}

async function countWaiting(queue: WorkQueue): Promise<number> {
  return queue.getJobCountByTypes('waiting', 'delayed');
}
