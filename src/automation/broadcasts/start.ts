import { Queue } from 'bullmq';
import type { Pool } from '../../database/pool.js';
import type { Channel } from '../channels/channel.js';
import { errorText, startLoop } from '../loop.js';
import type { Loop } from '../loop.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import type { Connections } from '../redis/connection.js';
import { openGate } from '../work/gate.js';
import { startChunkWorker } from './chunk-worker.js';
import { completeRuns, releaseHeldChunks } from './end-chunk.js';
import { chunkPerformer } from './perform-chunk.js';
import { chunkQueueName, chunkRelayRound, findLostChunks } from './relay-chunks.js';
import type { ChunkQueue } from './relay-chunks.js';

export interface BroadcastOptions {
  readonly pool: Pool;
  readonly redis: Connections;
  readonly logger: Logger;
  /** Name of the queue of steps; chunks have one of their own beside it. */
  readonly queue: string;
  readonly channels: ReadonlyMap<string, Channel>;
  /** Calls of channels under way at once. */
  readonly concurrency: number;
  /** Chunks in hand at once. */
  readonly chunks: number;
  readonly poll: number;
  readonly horizon: number;
  readonly lease: number;
  readonly lostAfter: number;
  readonly maxAttempts: number;
  readonly wait: (attempt: number) => number;
  readonly jitter: () => number;
  readonly deliverTimeout: number;
  readonly observe?: Observer | undefined;
}

export interface RunningBroadcasts {
  readonly relay: Loop;
  /** Takes up what nobody would have come back to. Answers how many chunks. */
  sweep(): Promise<number>;
  stop(deadline: number): Promise<void>;
}

/** Starts relay and worker for the chunks of broadcasts. */
export function startBroadcasts(options: BroadcastOptions): RunningBroadcasts {
  const { pool, redis, logger, poll, horizon } = options;
  const name = chunkQueueName(options.queue);
  const queue: ChunkQueue = new Queue(name, { connection: redis.producer });
  queue.on('error', (error) =>
    logger.warn({ error: errorText(error) }, 'the queue of broadcasts met an error and goes on'),
  );
  const relay = startLoop('broadcasts', poll, logger, chunkRelayRound({ pool, queue, horizon }));
  let stopping = false;
  const perform = chunkPerformer({
    ...options,
    calls: openGate(options.concurrency),
    isStopping: () => stopping,
  });
  const worker = startChunkWorker({
    pool,
    redis: redis.consumer,
    queue: name,
    logger,
    concurrency: options.chunks,
    lease: options.lease,
    observe: options.observe,
    perform: async (chunk, lease) => {
      const end = await perform(chunk, lease);
      relay.nudge();
      return end;
    },
  });
  return {
    relay,
    async sweep() {
      const lost = await findLostChunks(pool, redis.producer, queue, options.lostAfter);
      const released = await releaseHeldChunks(pool);
      await completeRuns(pool);
      if (lost + released > 0) relay.nudge();
      return lost + released;
    },
    async stop(deadline) {
      stopping = true;
      await Promise.all([relay.stop(), worker.stop(deadline)]);
      await queue.close();
    },
  };
}
