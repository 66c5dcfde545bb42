import { randomUUID } from 'node:crypto';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import { errorText, startLoop } from '../loop.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import { persistent } from '../persistent.js';
import { releaseWork } from '../work/give-back.js';
import { holdLeases } from '../work/leases.js';
import type { Lease } from '../work/leases.js';
import { readChunkJob } from './chunk-job.js';
import { claimChunk } from './claim-chunk.js';
import type { Chunk, ChunkRequest } from './claim-chunk.js';
import { completeRuns } from './end-chunk.js';
import type { ChunkEnd } from './end-chunk.js';

export interface ChunkWorkerOptions {
  readonly pool: Pool;
  /** A connection of its own, with `maxRetriesPerRequest: null`. */
  readonly redis: Redis;
  readonly queue: string;
  readonly logger: Logger;
  /** Chunks in hand at once. */
  readonly concurrency: number;
  /** Milliseconds that a claim holds without a renewal. */
  readonly lease: number;
  readonly perform: (chunk: Chunk, lease: Lease) => Promise<ChunkEnd>;
  readonly observe?: Observer | undefined;
}

export interface RunningChunkWorker {
  /** Takes no further chunks and lets batches under way come to their end, at most `deadline` milliseconds. */
  stop(deadline: number): Promise<void>;
}

/** Runs the chunks of broadcasts, on a queue of their own: a million recipients stand in nobody's way. */
export function startChunkWorker(options: ChunkWorkerOptions): RunningChunkWorker {
  const { pool, logger, lease, perform } = options;
  const leases = holdLeases(pool, lease);
  const claim = persistent((request: ChunkRequest) => claimChunk(pool, request, lease));
  const renewing = startLoop('chunk lease', lease / 3, logger, async () => {
    await leases.renew();
    return false;
  });

  const run = async (data: unknown): Promise<void> => {
    const job = readChunkJob(data);
    if (job === null) return logger.error({ queue: options.queue }, 'a job that no relay wrote was dropped');
    const chunk = await claim({ ...job, token: randomUUID() });
    // A duplicate, an old epoch, or held by somebody else: the row decides, not Redis.
    if (chunk === null) return;
    options.observe?.claimed?.(Math.max(0, chunk.now - chunk.dueAt));
    const held = leases.add(chunk);
    let end: ChunkEnd;
    try {
      end = await perform(chunk, held);
    } finally {
      leases.remove(held);
    }
    if (end === 'done') await completeRuns(pool);
  };

  const abandoned = new AbortController();
  const whenAbandoned = new Promise<void>((resolve) => {
    abandoned.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const worker = new Worker<unknown, void>(
    options.queue,
    async (job) => {
      // BullMQ must not learn of failures: it would keep attempts of its own. The row comes back when its lease is over.
      const running = run(job.data).catch((error: unknown) => {
        logger.error({ job: job.id, error: errorText(error) }, 'a chunk was left to its lease');
      });
      await Promise.race([running, whenAbandoned]);
    },
    {
      connection: options.redis,
      concurrency: options.concurrency,
      lockDuration: 10_000,
      stalledInterval: 5_000,
      // A second death of the same job must not make it fail for ever.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: 500,
    },
  );
  worker.on('error', (error) =>
    logger.warn({ error: errorText(error) }, 'the worker of broadcasts met an error and goes on'),
  );

  return {
    async stop(deadline) {
      const closed = worker.close();
      const inTime = await Promise.race([closed.then(() => true), after(deadline)]);
      if (!inTime) {
        const unsent = leases.abandon('the process stops');
        await releaseWork(pool, unsent).catch((error: unknown) => {
          logger.warn({ error: errorText(error) }, 'chunks could not be given back; their leases run out');
        });
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
