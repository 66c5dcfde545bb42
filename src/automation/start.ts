import { Queue } from 'bullmq';
import type { Pool } from '../database/pool.js';
import { isConnectionError } from '../database/unreachable.js';
import { refuse } from '../errors/index.js';
import { backoff } from './backoff.js';
import { startBroadcasts } from './broadcasts/start.js';
import type { Channel } from './channels/channel.js';
import { emailChannel } from './channels/email.js';
import type { EmailOptions } from './channels/email.js';
import { inboxChannel } from './channels/inbox.js';
import { logChannel } from './channels/log.js';
import type { LogLine } from './channels/log.js';
import { slackChannel } from './channels/slack.js';
import type { SlackOptions } from './channels/slack.js';
import { webhookChannel } from './channels/webhook.js';
import type { WebhookOptions } from './channels/webhook.js';
import { healthReader } from './health.js';
import type { Health } from './health.js';
import { idleCheck } from './idle.js';
import { errorText, startLoop } from './loop.js';
import { silentLogger } from './logger.js';
import type { Logger } from './logger.js';
import type { Observer } from './observer.js';
import { takeIn } from './outbox/intake.js';
import { readInvariants } from './reconcile/invariants.js';
import type { Invariants } from './reconcile/invariants.js';
import { reconcileRound } from './reconcile/round.js';
import { connectRedis, evictionPolicy } from './redis/connection.js';
import { databaseClock } from './schedules/clock.js';
import type { Clock } from './schedules/clock.js';
import { startScheduler } from './schedules/scheduler.js';
import { definitionCache } from './series/definitions.js';
import type { CanaryJob, SliceJob } from './work/job.js';
import { lostFinder } from './work/find-lost.js';
import { performer } from './work/perform.js';
import { relayRound } from './work/relay.js';
import type { WorkQueue } from './work/relay.js';
import { segmentRound } from './segments.js';
import { followZone } from './settings/follow-zone.js';
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
  /** How webhooks are sent; see the channel. */
  readonly webhooks?: Omit<WebhookOptions, 'pool'>;
  /** How e-mail is sent; see the channel. */
  readonly email?: Omit<EmailOptions, 'pool' | 'logger'>;
  /** How Slack is posted to; see the channel. */
  readonly slack?: Omit<SlackOptions, 'pool'>;
  /** Channels that join `log`, `inbox`, `webhook`, `email` and `slack`, or take their place by name. */
  readonly channels?: readonly Channel[];
  /** Name of the BullMQ queue; one for each database that shares a Redis. No `:`. Default `muster`. */
  readonly queue?: string;
  /** Calls of channels that this process has under way at once. Default 50. */
  readonly concurrency?: number;
  /** Chunks of broadcasts, of up to 500 recipients each, that this process has in hand at once. Default 3. */
  readonly chunks?: number;
  /** Milliseconds between polls while nothing happens. Default 200. */
  readonly poll?: number;
  /** Milliseconds ahead of its time that work goes to Redis. Default 2,000. */
  readonly horizon?: number;
  /** Rows that the relay and the intake take at once. Default 2,000 and 500. */
  readonly relayBatch?: number;
  readonly intakeBatch?: number;
  /** Jobs that may wait in Redis, each of up to 100 steps; the rest stays in Postgres. Default 300. */
  readonly maxQueued?: number;
  /** Milliseconds that a claim holds without a renewal: how long a killed worker's steps wait. Default 7,000. */
  readonly lease?: number;
  /** Milliseconds between looks at whose membership in a segment turns. Default 100. */
  readonly segmentsEvery?: number;
  /** Milliseconds between sweeps. Default 1,000. */
  readonly sweepEvery?: number;
  /** Milliseconds that a row may stay enqueued before it is offered again. Default 60,000. */
  readonly enqueuedFor?: number;
  /** Milliseconds after which a row that is enqueued is looked for in Redis, and offered again if it is not there. Default 5,000. */
  readonly lostAfter?: number;
  /** Attempts of one step before it is given up. Default 8. */
  readonly maxAttempts?: number;
  /** Milliseconds that one call of a channel may take. Default 30,000. */
  readonly deliverTimeout?: number;
  /** Milliseconds that `stop` waits for steps under way. Default 10,000. */
  readonly drain?: number;
  /** Milliseconds that the first connection to Redis may take. Default 5,000. */
  readonly connectTimeout?: number;
  /**
   * What happens on a Redis whose `maxmemory-policy` may throw jobs away: `refuse` to start, or `degrade`: run and say so
   * (in the log and in `health`), with steps that may come late. Default `refuse`.
   */
  readonly evicting?: 'refuse' | 'degrade';
  /** Milliseconds between two canaries. Default 5,000. */
  readonly canaryEvery?: number;
  /** Milliseconds between two rounds of the reconciler. Default 10,000. */
  readonly reconcileEvery?: number;
  /** Days for which it is kept who was turned away at the entrance of a series. Default 30. */
  readonly decisionsKept?: number;
  /** Milliseconds between two looks at what comes about by the clock. Default 1,000. */
  readonly scheduleEvery?: number;
  /** Milliseconds that the run of a killed scheduler waits for another one. Default 30,000. */
  readonly runLease?: number;
  /** What schedules go by: an instant in milliseconds since 1970, inside their transaction. Default: the clock of Postgres. */
  readonly clock?: Clock;
  /** Hears of steps and deliveries, for figures. */
  readonly observe?: Observer;
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
  /** Whether work gets done: the age of the last canary that came back, the state of Redis, and the loops. */
  health(): Promise<Health>;
  /** What must hold in the queue of record, as figures, read now. */
  invariants(): Promise<Invariants>;
  /** Stops every loop, lets steps under way finish within the drain time and closes the connections. */
  stop(): Promise<void>;
}

/**
 * Starts intake, relay, worker, sweep, reconciler and scheduler in this process. Any number of processes may run at once.
 *
 * Errors: `redis_unreachable` where Redis does not answer at the start, `redis_may_evict` where it may throw jobs away and
 * that is not allowed. Later outages of Redis or Postgres are waited out.
 */
export async function startAutomation(options: AutomationOptions): Promise<Automation> {
  const { pool, redisUrl } = options;
  const logger = options.logger ?? silentLogger;
  const queueName = options.queue ?? 'muster';
  const maxAttempts = options.maxAttempts ?? 8;
  const jitter = options.jitter ?? Math.random;
  const wait = (attempt: number): number => backoff(attempt, jitter);
  const lease = options.lease ?? 7000;
  const concurrency = options.concurrency ?? 50;
  const batch = { size: 500, parallel: 2, apart: (error: unknown) => !isConnectionError(error) };

  const redis = await connectRedis(redisUrl, { logger, timeout: options.connectTimeout ?? 5000 });
  try {
    await checkEviction(redis.producer, options.evicting ?? 'refuse', logger);
  } catch (error) {
    redis.close();
    throw error;
  }
  const queue: WorkQueue = new Queue<SliceJob | CanaryJob, void, 'work' | 'canary'>(queueName, {
    connection: redis.producer,
  });
  queue.on('error', (error) =>
    logger.warn({ error: errorText(error) }, 'the queue met an error and goes on'),
  );

  const sink = options.logSink ?? ((line: LogLine) => logger.info(line, 'message'));
  const channels = new Map(
    [
      logChannel(sink),
      inboxChannel(pool),
      webhookChannel({ pool, logger, ...options.webhooks }),
      emailChannel({ pool, logger, ...options.email }),
      slackChannel({ pool, ...options.slack }),
      ...(options.channels ?? []),
    ].map((channel) => [channel.name, channel]),
  );
  const parking = [...channels.values()]
    .filter((channel) => channel.onLostConfirmation === 'park')
    .map((channel) => channel.name);

  const canaryEvery = options.canaryEvery ?? 5000;
  const enqueuedFor = options.enqueuedFor ?? 60_000;
  const definitions = definitionCache();
  const horizon = options.horizon ?? 2000;
  const round = relayRound({
    pool,
    redis: redis.producer,
    queue,
    logger,
    horizon,
    batch: options.relayBatch ?? 2000,
    maxQueued: options.maxQueued ?? 300,
    canaryEvery,
  });
  const poll = options.poll ?? 200;
  const relay = startLoop('relay', poll, logger, round);
  const intake = startLoop('intake', poll, logger, async () => {
    const limit = options.intakeBatch ?? 500;
    const taken = await takeIn(pool, { limit, maxAttempts, wait, logger, definitions });
    if (taken.entered + taken.woken > 0) relay.nudge();
    return taken.rows > 0;
  });
  const segments = startLoop(
    'segments',
    options.segmentsEvery ?? 100,
    logger,
    segmentRound({ pool, logger, onTurned: () => intake.nudge() }),
  );
  const zones = startLoop('zones', 1000, logger, () =>
    followZone(pool, definitions, { onWoken: () => relay.nudge() }),
  );
  const broadcasts = startBroadcasts({
    pool,
    redis,
    logger,
    queue: queueName,
    channels,
    concurrency,
    chunks: options.chunks ?? 3,
    poll,
    horizon,
    lease,
    lostAfter: options.lostAfter ?? 5000,
    maxAttempts,
    wait,
    jitter,
    deliverTimeout: options.deliverTimeout ?? 30_000,
    observe: options.observe,
  });
  const findLost = lostFinder({ pool, redis: redis.producer, queue, age: options.lostAfter ?? 5000 });
  const sweep = startLoop('sweep', options.sweepEvery ?? 1000, logger, async () => {
    const expired = await sweepWork(pool, { parking, enqueuedFor, jitter });
    const swept = { ...expired, stale: expired.stale + (await findLost()) + (await broadcasts.sweep()) };
    const found = swept.expired + swept.parked + swept.stale + swept.released;
    for (const finding of ['expired', 'parked', 'stale'] as const)
      options.observe?.found?.(finding, swept[finding]);
    if (found > 0) {
      logger.warn(swept, 'work that nobody would have come back to was taken up again');
      relay.nudge();
      broadcasts.relay.nudge();
    }
    return false;
  });
  let stopping: Promise<void> | null = null;
  const schedules = startScheduler({
    pool,
    logger,
    every: options.scheduleEvery ?? 1000,
    clock: options.clock ?? databaseClock,
    definitions,
    lease: options.runLease ?? 30_000,
    wait,
    isStopping: () => stopping !== null,
    onWork: () => relay.nudge(),
  });
  const reconcileEvery = options.reconcileEvery ?? 10_000;
  const reconcile = reconcileRound({
    pool,
    logger,
    enqueuedFor,
    decisionsKept: options.decisionsKept ?? 30,
    observe: options.observe,
    clock: options.clock,
  });
  const reconciling = startLoop('reconciler', reconcileEvery, logger, async () => {
    if ((await reconcile()) > 0) relay.nudge();
    return false;
  });
  const worker = startWorker({
    pool,
    redis: redis.consumer,
    queue: queueName,
    logger,
    concurrency,
    lease,
    batch,
    definitionOf: definitions(pool),
    observe: options.observe,
    perform: performer({
      pool,
      logger,
      channels,
      maxAttempts,
      wait,
      concurrency,
      deliverTimeout: options.deliverTimeout ?? 30_000,
      batch,
      horizon,
      onNext: () => relay.nudge(),
      observe: options.observe,
    }),
  });

  return {
    nudge() {
      intake.nudge();
      segments.nudge();
      zones.nudge();
      broadcasts.relay.nudge();
    },
    idle: idleCheck(pool, () => {
      intake.nudge();
      segments.nudge();
      zones.nudge();
      schedules.nudge();
      broadcasts.relay.nudge();
    }),
    health: healthReader({
      pool,
      redis: redis.producer,
      queue: queueName,
      loops: { intake, relay, segments, zones, sweep, reconciling, schedules, broadcasts: broadcasts.relay },
    }),
    invariants: () => readInvariants(pool, enqueuedFor),
    stop() {
      stopping ??= (async () => {
        const loops = [intake, relay, segments, zones, sweep, reconciling, schedules].map((loop) =>
          loop.stop(),
        );
        const drain = options.drain ?? 10_000;
        await Promise.all([...loops, worker.stop(drain), broadcasts.stop(drain)]);
        await Promise.all([...channels.values()].map(async (channel) => channel.close?.()));
        await queue.close();
        redis.close();
      })();
      return stopping;
    },
  };
}

/** Redis that evicts keys loses jobs without a word; the sweep would find them, late. */
async function checkEviction(
  redis: Parameters<typeof evictionPolicy>[0],
  evicting: 'refuse' | 'degrade',
  logger: Logger,
): Promise<void> {
  const policy = await evictionPolicy(redis);
  if (policy === null) return;
  if (evicting === 'refuse') refuse('redis_may_evict', { policy });
  logger.warn(
    { maxmemory_policy: policy },
    'redis may evict jobs when its memory is full: set maxmemory-policy noeviction; until then steps may be late',
  );
}
