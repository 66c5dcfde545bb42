import { Agent } from 'node:http';
import {
  DeliveryPostponed,
  pauseSeries,
  resumeSeries,
  saveSeries,
  startAutomation,
} from '../../src/automation/index.js';
import type { Automation, Channel, Logger } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { eraseUser, identify, suppress, unsubscribe } from '../../src/traits/index.js';
import { post } from './oracle.js';

/**
 * What is being tested, as the rig knows it: how its runtime is started, the series that it runs and the calls that
 * people make. Everything else here knows processes, sockets, the provider's record and the table of work.
 */

export const workspace = 'chaos';

/** The step that waits for a minute, of which the witness leaves less than a second. */
export const restStep = 'rest';
/** Name of the trait that lets a person go on, and of the channel that leads to the oracle. */
const ready = 'ready';
const channel = 'log';

export interface ChaosSeries {
  readonly key: string;
  /** Its sending steps, in order. */
  readonly sends: readonly string[];
  readonly steps: readonly object[];
}

const send = (key: string): object => ({
  type: 'send',
  key,
  channel,
  message: { text: `${key}: hello {{ name|there }}` },
});

/** Runs the whole time; everybody who was identified must be in it. Rests twice: for a time, and for a change of traits. */
export const steady: ChaosSeries = {
  key: 'steady',
  sends: ['first', 'second', 'third'],
  steps: [
    send('first'),
    { type: 'wait', key: restStep, for: [1, 'minutes'] },
    send('second'),
    {
      type: 'wait_for',
      key: 'until-ready',
      filter: { and: [{ '==': [{ var: `custom:${ready}` }, true] }, { exists: { var: 'name' } }] },
      timeout: [300, 'days'],
    },
    send('third'),
  ],
};

/** Is paused and resumed in the middle; sets a trait on the way. */
export const stopped: ChaosSeries = {
  key: 'stopped',
  sends: ['one', 'two'],
  steps: [send('one'), { type: 'set_trait', key: 'mark', traits: { got_one: true } }, send('two')],
};

export const allSeries: readonly ChaosSeries[] = [steady, stopped];

/** Messages that one person gets in all. */
export const sendsPerPerson = allSeries.reduce((count, { sends }) => count + sends.length, 0);

export async function saveChaosSeries(pool: Pool): Promise<void> {
  for (const { key, steps } of allSeries) {
    await saveSeries(pool, workspace, { key, name: key, trigger: { type: 'user_created' }, steps });
  }
}

/** Times of the runtime, in milliseconds; short, so that a minute holds many lives of a worker. */
export interface SubjectSettings {
  readonly lease: number;
  readonly horizon: number;
  readonly enqueuedFor: number;
  readonly deliverTimeout: number;
}

export const usualSettings: SubjectSettings = {
  lease: 1500,
  horizon: 500,
  enqueuedFor: 3000,
  deliverTimeout: 1000,
};

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
    name: channel,
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

/** By which statements the named places of a worker are known; a place that is never reached fails the long run. */
export const failpointStatements = {
  claim: /lease_until = CASE[^]*w\.epoch = /,
  begin: /INSERT INTO deliveries/,
  finish: /last_contacted_at = greatest/,
  defer: /state = CASE WHEN place\.inside/,
  relay: /SET state = 'enqueued'/,
  intake: /DELETE FROM outbox/,
} as const;

/** Calls that customers make. Each may be repeated when its answer was lost. */
export const calls = {
  async identify(pool: Pool, userId: string, traits: Record<string, unknown>): Promise<void> {
    await identify(pool, { workspaceId: workspace, userId, traits });
  },
  /** `true` lets somebody go on who waits for it; `false` only makes them be looked at. */
  async setReady(pool: Pool, userId: string, value: boolean): Promise<void> {
    await identify(pool, { workspaceId: workspace, userId, traits: { [ready]: value } });
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
