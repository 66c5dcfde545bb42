import { Agent } from 'node:http';
import { pauseSeries, resumeSeries, saveSeries, startAutomation } from '../../src/automation/index.js';
import type { Automation, Channel, Logger } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { eraseUser, identify, suppress, unsubscribe } from '../../src/traits/index.js';
import { post } from './oracle.js';

/**
 * What is being tested, as the rig knows it: how its runtime is started, the series that it runs and the calls that
 * people make. Everything else here knows processes, sockets, the provider's record and the table of work.
 */

export const workspace = 'chaos';

/** Runs the whole time; everybody who was identified must be in it. */
export const steady = { key: 'steady', steps: ['first', 'second', 'third'] };
/** Is paused and resumed in the middle. */
export const stopped = { key: 'stopped', steps: ['one', 'two'] };

export async function saveChaosSeries(pool: Pool): Promise<void> {
  for (const { key, steps } of [steady, stopped]) {
    await saveSeries(pool, workspace, {
      key,
      name: key,
      trigger: { type: 'user_created' },
      steps: steps.map((step) => ({
        type: 'send',
        key: step,
        channel: 'log',
        message: { text: `${step}: hello {{ name|there }}` },
      })),
    });
  }
}

/** Times of the runtime, in milliseconds; short, so that a minute holds many lives of a worker. */
export interface SubjectSettings {
  readonly lease: number;
  readonly enqueuedFor: number;
  readonly deliverTimeout: number;
}

export const usualSettings: SubjectSettings = { lease: 1500, enqueuedFor: 3000, deliverTimeout: 1000 };

export interface SubjectOptions {
  readonly pool: Pool;
  readonly redisUrl: string;
  readonly oraclePort: number;
  readonly settings: SubjectSettings;
  readonly logger: Logger;
  /** Stands around each call of the provider. */
  readonly around: (call: () => Promise<void>) => Promise<void>;
}

export function startSubject(options: SubjectOptions): Promise<Automation> {
  return startAutomation({
    pool: options.pool,
    redisUrl: options.redisUrl,
    logger: options.logger,
    channels: [oracleChannel(options)],
    concurrency: 20,
    poll: 50,
    horizon: 500,
    sweepEvery: 200,
    relayBatch: 200,
    intakeBatch: 100,
    drain: 1500,
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
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    deliver: (message, { idempotencyKey, signal }) =>
      around(async () => {
        const { status } = await post({
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
        if (status !== 200) throw new Error(`the provider answered ${status}`);
      }),
  };
}

/** By which statements the named places of a worker are known; a place that is never reached fails the long run. */
export const failpointStatements = {
  claim: /lease_until = CASE[^]*w\.epoch = /,
  begin: /INSERT INTO deliveries/,
  finish: /last_contacted_at = greatest/,
  relay: /SET state = 'enqueued'/,
  intake: /DELETE FROM outbox/,
} as const;

/** Calls that customers make. Each may be repeated when its answer was lost. */
export const calls = {
  async identify(pool: Pool, userId: string, traits: Record<string, unknown>): Promise<void> {
    await identify(pool, { workspaceId: workspace, userId, traits });
  },
  async unsubscribe(pool: Pool, userId: string): Promise<void> {
    await unsubscribe(pool, { workspaceId: workspace, userId });
  },
  async suppress(pool: Pool, userId: string): Promise<void> {
    await suppress(pool, { workspaceId: workspace, userId });
  },
  async erase(pool: Pool, userId: string): Promise<void> {
    await eraseUser(pool, { workspaceId: workspace, userId });
  },
  async pause(pool: Pool): Promise<void> {
    await pauseSeries(pool, workspace, stopped.key);
  },
  async resume(pool: Pool): Promise<void> {
    await resumeSeries(pool, workspace, stopped.key);
  },
};

/** Messages that one person gets in all. */
export const sendsPerPerson = steady.steps.length + stopped.steps.length;
