import { Queue } from 'bullmq';
import type { Pool } from '../database/pool.js';
import { isConnectionError } from '../database/unreachable.js';
import { backoff } from './backoff.js';
import type { Channel } from './channels/channel.js';
import { inboxChannel } from './channels/inbox.js';
import { logChannel } from './channels/log.js';
import type { LogLine } from './channels/log.js';
import { idleCheck } from './idle.js';
import { errorText, startLoop } from './loop.js';
import { silentLogger } from './logger.js';
import type { Logger } from './logger.js';
import { takeIn } from './outbox/intake.js';
import { connectRedis, evictionPolicy } from './redis/connection.js';
import { definitionReader } from './work/definitions.js';
import type { WorkJob } from './work/job.js';
import { performer } from './work/perform.js';
import { relayRound } from './work/relay.js';
import type { WorkQueue } from './work/relay.js';
import { sweepWork } from './work/sweep.js';
import { startWorker } from './work/worker.js';

export interface AutomationOptions {
  readonly pool: Pool;
  /** `redis://` or `rediss://`, with the password in it where there is one. */
  readonly redisUrl: string;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Takes each message of the log channel. Default: the logger. */
  readonly logSink?: (line: LogLine) => void | Promise<void>;
  /** Channels that join `log` and `inbox`, or take their place by name. */
  readonly channels?: readonly Channel[];
  /** Name of the BullMQ queue; one for each database that shares a Redis. No `:`. Default `muster`. */
  readonly queue?: string;
  /** Steps performed at once by this process. Default 50. */
  readonly concurrency?: number;
  /** Milliseconds between polls while nothing happens. Default 200. */
  readonly poll?: number;
  /** Milliseconds ahead of its time that work goes to Redis. Default 2,000. */
  readonly horizon?: number;
  /** Rows that the relay and the intake take at once. Default 1,000 and 500. */
  readonly relayBatch?: number;
  readonly intakeBatch?: number;
  /** Jobs that may wait in Redis; the rest stays in Postgres. Default 10,000. */
  readonly maxQueued?: number;
  /** Milliseconds that a claim holds without a renewal: how long a killed worker's steps wait. Default 8,000. */
  readonly lease?: number;
  /** Milliseconds between sweeps. Default 1,000. */
  readonly sweepEvery?: number;
  /** Milliseconds that a row may stay enqueued before it is offered again. Default 60,000. */
  readonly enqueuedFor?: number;
  /** Attempts of one step before it is given up. Default 8. */
  readonly maxAttempts?: number;
  /** Milliseconds that one call of a channel may take. Default 30,000. */
  readonly deliverTimeout?: number;
  /** Milliseconds that `stop` waits for steps under way. Default 10,000. */
  readonly drain?: number;
  /** Milliseconds that the first connection to Redis may take. Default 5,000. */
  readonly connectTimeout?: number;
  /** A number from 0 (included) to 1 (excluded), for waits between attempts. Default `Math.random`. */
  readonly jitter?: () => number;
}

export interface Automation {
  /** Looks for work now, without waiting for the next poll. Call it after a commit that wrote to the outbox. */
  nudge(): void;
  /**
   * Resolves once nothing is left to do now: the outbox is empty and no work is due. Work for later, parked and held
   * rows do not count. Rejects after `timeout` milliseconds (default 10,000).
   */
  idle(timeout?: number): Promise<void>;
  /** Stops every loop, lets steps under way finish within the drain time and closes the connections. */
  stop(): Promise<void>;
}

/**
 * Starts intake, relay, worker and sweep in this process. Any number of processes may run at once.
 *
 * Errors: `redis_unreachable` where Redis does not answer at the start. Later outages of Redis or Postgres are waited out.
 */
export async function startAutomation(options: AutomationOptions): Promise<Automation> {
  const { pool, redisUrl } = options;
  const logger = options.logger ?? silentLogger;
  const queueName = options.queue ?? 'muster';
  const maxAttempts = options.maxAttempts ?? 8;
  const jitter = options.jitter ?? Math.random;
  const wait = (attempt: number): number => backoff(attempt, jitter);
  const lease = options.lease ?? 8000;
  const batch = { size: 500, parallel: 2, apart: (error: unknown) => !isConnectionError(error) };

  const redis = await connectRedis(redisUrl, { logger, timeout: options.connectTimeout ?? 5000 });
  await warnOfEviction(redis.producer, logger);
  const queue: WorkQueue = new Queue<WorkJob, void, 'work'>(queueName, { connection: redis.producer });
  queue.on('error', (error) =>
    logger.warn({ error: errorText(error) }, 'the queue met an error and goes on'),
  );

  const sink = options.logSink ?? ((line: LogLine) => logger.info(line, 'message'));
  const channels = new Map(
    [logChannel(sink), inboxChannel(pool), ...(options.channels ?? [])].map((channel) => [
      channel.name,
      channel,
    ]),
  );
  const parking = [...channels.values()]
    .filter((channel) => channel.onLostConfirmation === 'park')
    .map((channel) => channel.name);

  const round = relayRound({
    pool,
    redis: redis.producer,
    queue,
    logger,
    horizon: options.horizon ?? 2000,
    batch: options.relayBatch ?? 1000,
    maxQueued: options.maxQueued ?? 10_000,
  });
  const poll = options.poll ?? 200;
  const relay = startLoop('relay', poll, logger, round);
  const intake = startLoop('intake', poll, logger, async () => {
    const taken = await takeIn(pool, { limit: options.intakeBatch ?? 500, maxAttempts, wait, logger });
    if (taken.entered > 0) relay.nudge();
    return taken.rows > 0;
  });
  const sweep = startLoop('sweep', options.sweepEvery ?? 1000, logger, async () => {
    const swept = await sweepWork(pool, { parking, enqueuedFor: options.enqueuedFor ?? 60_000 });
    const found = swept.expired + swept.parked + swept.stale + swept.released;
    if (found > 0) {
      logger.warn(swept, 'work that nobody would have come back to was taken up again');
      relay.nudge();
    }
    return false;
  });
  const worker = startWorker({
    pool,
    redis: redis.consumer,
    queue: queueName,
    logger,
    concurrency: options.concurrency ?? 50,
    lease,
    batch,
    perform: performer({
      pool,
      logger,
      channels,
      definitionOf: definitionReader(pool),
      maxAttempts,
      wait,
      deliverTimeout: options.deliverTimeout ?? 30_000,
      batch,
      onNext: () => relay.nudge(),
    }),
  });

  let stopping: Promise<void> | null = null;
  return {
    nudge: () => intake.nudge(),
    idle: idleCheck(pool, () => intake.nudge()),
    stop() {
      stopping ??= (async () => {
        await Promise.all([intake.stop(), relay.stop(), sweep.stop(), worker.stop(options.drain ?? 10_000)]);
        await queue.close();
        redis.close();
      })();
      return stopping;
    },
  };
}

/** Redis that evicts keys loses jobs without a word; the sweep would find them, late. */
async function warnOfEviction(redis: Parameters<typeof evictionPolicy>[0], logger: Logger): Promise<void> {
  const policy = await evictionPolicy(redis);
  if (policy === null) return;
  logger.warn(
    { maxmemory_policy: policy },
    'redis may evict jobs when its memory is full: set maxmemory-policy noeviction; until then steps may be late',
  );
}
