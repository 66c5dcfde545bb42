import { Agent } from 'node:http';
import { DeliveryPostponed, startAutomation } from '../../src/automation/index.js';
import type { Automation, Channel, Logger } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { post } from './oracle.js';
import { channels, deadlyAttempts } from './subject/series.js';

/**
 * What is being tested, as the rig knows it: how its runtime is started, with the series that it runs and the calls that
 * people make in the folder beside it. Everything else here knows processes, sockets, the provider's record and the table of work.
 */

/** Times of the runtime, in milliseconds; short, so that a minute holds many lives of a worker. */
export interface SubjectSettings {
  readonly lease: number;
  readonly horizon: number;
  readonly enqueuedFor: number;
  readonly lostAfter: number;
  readonly deliverTimeout: number;
}

export const usualSettings: SubjectSettings = {
  lease: 1500,
  horizon: 500,
  enqueuedFor: 3000,
  lostAfter: 5000,
  deliverTimeout: 1000,
};

/** What a deployment may change: workers with these and with the usual settings share a queue. */
export function otherwise({ lease, horizon, deliverTimeout }: SubjectSettings): Partial<SubjectSettings> {
  return { lease: lease * 0.8, horizon: horizon * 1.5, deliverTimeout: deliverTimeout * 0.8 };
}

export interface SubjectOptions {
  readonly pool: Pool;
  readonly redisUrl: string;
  readonly oraclePort: number;
  readonly settings: SubjectSettings;
  readonly logger: Logger;
  /** Stands around each call of the provider. */
  readonly around: (call: () => Promise<void>) => Promise<void>;
  /** Ends the process. */
  readonly die: () => Promise<never>;
}

export function startSubject(options: SubjectOptions): Promise<Automation> {
  return startAutomation({
    pool: options.pool,
    redisUrl: options.redisUrl,
    logger: options.logger,
    channels: [oracleChannel(options), deadlyChannel(options)],
    concurrency: 20,
    poll: 50,
    sweepEvery: 200,
    relayBatch: 200,
    intakeBatch: 100,
    drain: 1500,
    reconcileEvery: 2000,
    canaryEvery: 1000,
    decisionsKept: 1,
    connectTimeout: 2000,
    // No step may be given up here, and waits between attempts are fiftieths of the usual ones.
    maxAttempts: 1000,
    jitter: () => -0.98,
    ...options.settings,
  });
}

/** A channel with an idempotency key: it promises that a repeat carries the same key and the same content. */
function oracleChannel({ oraclePort, around }: SubjectOptions): Channel {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    name: channels.oracle,
    onLostConfirmation: 'retry_same_key',
    deliver: (message, { idempotencyKey, signal }) =>
      around(async () => {
        const { status, retryAfter } = await post({
          port: oraclePort,
          path: '/deliver',
          agent,
          signal,
          headers: { 'idempotency-key': idempotencyKey },
          body: JSON.stringify({
            person: message.userId,
            series: message.series,
            step: message.step,
            text: message.text,
          }),
        });
        const said = `the provider answered ${status}`;
        if (status === 429) throw new DeliveryPostponed(said, (retryAfter ?? 0) * 1000);
        if (status !== 200) throw new Error(said);
      }),
  };
}

/** Nobody who hands it a message lives on. It counts its attempts by itself, as no other step here may be given up. */
function deadlyChannel({ die }: SubjectOptions): Channel {
  return {
    name: channels.deadly,
    onLostConfirmation: 'retry_same_key',
    waits: Array.from({ length: deadlyAttempts - 1 }, () => 20),
    deliver: die,
  };
}

/** By which statements the named places of a worker are known; a place that is never reached fails the long run. */
export const failpointStatements = {
  claim: /lease_until = CASE verdict\.state/,
  begin: /INSERT INTO deliveries/,
  finish: /the person moved on before it was confirmed/,
  defer: /state = CASE WHEN place\.inside/,
  relay: /SET state = 'enqueued'/,
  intake: /DELETE FROM outbox/,
  chunk_claim: /lease_until = CASE run\.verdict/,
  batch_begin: /WHEN verdict\.skip IS NULL AND p\.attempts < \$7 THEN 'sending'/,
  batch_finish: /sent_at = CASE result\.state/,
  chunk_end: /greatest\(rest\.due_at/,
} as const;
