import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import { errorText, startLoop } from '../loop.js';
import type { Logger } from '../logger.js';
import { microBatch } from '../micro-batch.js';
import type { BatchOptions } from '../micro-batch.js';
import type { Observer } from '../observer.js';
import { persistent } from '../persistent.js';
import { answerCanary } from '../canary.js';
import type { DefinitionReader } from '../series/definitions.js';
import { claimWork } from './claim.js';
import type { ClaimRequest } from './claim.js';
import { offerAgain, releaseWork } from './give-back.js';
import { mostSteps, readCanary, readSlice } from './job.js';
import type { WorkJob } from './job.js';
import { holdLeases } from './leases.js';
import type { Lease } from './leases.js';
import type { Performed } from './perform.js';
import { prepare } from './prepare.js';
import type { Prepared } from './prepare.js';
import { roomFor } from './room.js';
import { traceStep } from './trace-step.js';

export interface WorkerOptions {
  readonly pool: Pool;
  /** A connection of its own, with `maxRetriesPerRequest: null`. */
  readonly redis: Redis;
  readonly queue: string;
  readonly logger: Logger;
  /** Steps that are in hand at once in any case; more, where they are quick. */
  readonly concurrency: number;
  /** Milliseconds that a claim holds without a renewal. */
  readonly lease: number;
  readonly batch: BatchOptions;
  readonly definitionOf: DefinitionReader;
  readonly perform: (prepared: Prepared, lease: Lease) => Promise<Performed>;
  readonly observe?: Observer | undefined;
}

export interface RunningWorker {
  /**
   * Takes no further jobs and waits for those under way, at most `deadline` milliseconds; what has not begun to send
   * by then is given back, and what is sending is told to stop.
   */
  stop(deadline: number): Promise<void>;
}

/** Runs jobs: claims their steps in Postgres, drops what is not ours to do, and performs the rest under leases. */
export function startWorker(options: WorkerOptions): RunningWorker {
  const { pool, logger, lease, perform } = options;
  const leases = holdLeases(pool, lease);
  const claim = persistent(
    microBatch(
      async (jobs: readonly ClaimRequest[]) =>
        prepare(pool, await claimWork(pool, jobs, lease), options.definitionOf),
      options.batch,
    ),
  );
  const renewing = startLoop('lease', lease / 3, logger, async () => {
    await leases.renew();
    return false;
  });
  const abandoned = new AbortController();
  const whenAbandoned = once(abandoned.signal, 'abort');

  const room = roomFor(Math.max(options.concurrency * 4, 2 * mostSteps));
  let slices = 0;
  /** Those that wait for room. */
  const unclaimed = new Set<readonly WorkJob[]>();
  const runStep = async (job: WorkJob, asked: number): Promise<void> => {
    const prepared = await claim({ ...job, token: randomUUID() });
    // A duplicate, an old epoch, or held by somebody else: the row decides, not Redis.
    if (prepared === null) return;
    options.observe?.claimed?.(Math.max(0, prepared.claim.now - prepared.claim.dueAt));
    const held = leases.add(prepared.claim);
    try {
      await traceStep(prepared.claim, asked, () => perform(prepared, held));
    } finally {
      leases.remove(held);
    }
  };

  const runSlice = async (id: string | undefined, steps: readonly WorkJob[]): Promise<void> => {
    slices += 1;
    unclaimed.add(steps);
    const leave = await room.enter(steps.length);
    if (!unclaimed.delete(steps)) return;
    const asked = Date.now();
    const failures = new Map<string, number>();
    await Promise.all(
      steps.map(async (step) => {
        try {
          await runStep(step, asked);
        } catch (error) {
          failures.set(errorText(error), (failures.get(errorText(error)) ?? 0) + 1);
        } finally {
          leave();
        }
      }),
    );
    slices -= 1;
    // BullMQ looks at this as a job ends: one in its place and one more, until one waits here that there is no room for.
    worker.concurrency = Math.max(2, room.isFull ? slices : slices + 2);
    for (const [error, count] of failures)
      logger.error({ job: id, steps: count, error }, 'steps were left to their leases');
  };

  const run = async (id: string | undefined, data: unknown): Promise<void> => {
    const canary = readCanary(data);
    if (canary !== null) return answerCanary(pool, options.queue, canary);
    const steps = readSlice(data);
    if (steps === null)
      return logger.error({ queue: options.queue }, 'a job that no relay wrote was dropped');
    return runSlice(id, steps);
  };

  const worker = new Worker<unknown, void>(
    options.queue,
    async (job) => {
      // BullMQ must not learn of failures: it would keep attempts of its own. The row comes back when its lease is over.
      const running = run(job.id, job.data).catch((error: unknown) => {
        logger.error({ job: job.id, error: errorText(error) }, 'a job was left to its lease');
      });
      await Promise.race([running, whenAbandoned]);
    },
    {
      connection: options.redis,
      concurrency: 2,
      lockDuration: 5_000,
      stalledInterval: 2_500,
      // A second death of the same job must not make it fail for ever.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: 500,
    },
  );
  worker.on('error', (error) =>
    logger.warn({ error: errorText(error) }, 'the worker met an error and goes on'),
  );

  return {
    async stop(deadline) {
      const closed = worker.close();
      const inTime = await Promise.race([closed.then(() => true), after(deadline)]);
      if (!inTime) {
        const unsent = leases.abandon('the process stops');
        const untouched = [...unclaimed].flat();
        unclaimed.clear();
        await Promise.all([releaseWork(pool, unsent), offerAgain(pool, untouched)]).catch(
          (error: unknown) => {
            logger.warn({ error: errorText(error) }, 'steps could not be given back; their leases run out');
          },
        );
        abandoned.abort();
        // Redis may be away; the caller cuts the connection next, which ends every wait for it.
        await Promise.race([closed, after(1000)]);
      }
      await renewing.stop();
    },
  };
}

/** Answers false once the time is over. */
async function after(milliseconds: number): Promise<false> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
  return false;
}
