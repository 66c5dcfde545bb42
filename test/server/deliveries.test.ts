import { beforeAll, beforeEach, expect, it } from 'vitest';
import { DeliveryRefused, startAutomation } from '../../src/automation/index.js';
import type { Automation, Channel } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { isObject } from '../../src/filter/values.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
let automation: Automation;
/** The idempotency keys that the channel was called with, and how it answers. */
const calls: string[] = [];
let answer: 'take' | 'hang' | 'refuse' = 'take';
const forgetful: Channel = {
  name: 'log',
  onLostConfirmation: 'park',
  async deliver(_message, { idempotencyKey, signal }) {
    calls.push(idempotencyKey);
    if (answer === 'refuse') throw new DeliveryRefused('no such address');
    if (answer === 'take') return;
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true });
    });
  },
};

const send = (key: string, channel: string): object => ({
  type: 'send',
  key,
  channel,
  message: { text: key },
});

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const redis = await testRedis();
  automation = await startAutomation({
    pool,
    redisUrl: redis.url,
    poll: 20,
    channels: [forgetful],
    deliverTimeout: 50,
  });
  afterFile(() => automation.stop());
  service = await startService(pool, 'acme', { onFact: () => automation.nudge() });
  await service.call('POST', '/api/series', {
    key: 'welcome',
    name: 'Welcome',
    trigger: { type: 'user_created' },
    entry: 'once',
    steps: [send('hello', 'log'), send('after', 'inbox')],
  });
});

beforeEach(() => {
  calls.length = 0;
});

interface Parked {
  readonly id: string;
  readonly state: string;
  readonly user_id: string;
  readonly error: string;
  readonly resolvable_as: string[];
}

async function parked(query = ''): Promise<Parked[]> {
  const { body } = await service.call('GET', `/api/deliveries${query}`);
  const found = body['deliveries'];
  if (!Array.isArray(found)) throw new Error('there is no list');
  return found.filter((each): each is Parked => isObject(each) && typeof each['id'] === 'string');
}

/** Somebody new whose first message ends as the channel answers; the step that is parked. */
async function identified(userId: string, how: typeof answer): Promise<Parked> {
  answer = how;
  await service.call('POST', '/api/sdk/users/identify', { user_id: userId });
  await automation.idle();
  answer = 'take';
  const [found] = (await parked()).filter((each) => each.user_id === userId);
  if (found === undefined) throw new Error(`nothing of ${userId} is parked`);
  return found;
}

const resolve = async (id: string, as: string): Promise<unknown[]> => {
  const { status, body } = await service.call('POST', `/api/deliveries/${id}/resolve`, { as });
  await automation.idle();
  return [status, body.error?.code ?? body['as']];
};

/** How each delivery to a person stands, in order, and when they were last contacted. */
async function deliveriesOf(userId: string): Promise<unknown> {
  const { body } = await service.call('GET', `/api/series/welcome/enrollments/${userId}`);
  const entries: readonly unknown[] = Array.isArray(body['entries']) ? body['entries'] : [];
  const [entry] = entries;
  if (!isObject(entry) || !Array.isArray(entry['deliveries'])) throw new Error('there is no entry');
  return [
    entry['state'],
    ...entry['deliveries'].map((each: { step: string; state: string }) => `${each.step} ${each.state}`),
  ];
}

it('a message that may have arrived waits for an operator, who says that it did: the person goes on and nothing is repeated', async () => {
  const step = await identified('arrived', 'hang');
  expect(step).toMatchObject({ state: 'unknown', resolvable_as: ['retry', 'delivered', 'skip'] });
  expect(await deliveriesOf('arrived')).toEqual(['active', 'hello unknown']);
  expect(await resolve(step.id, 'delivered')).toEqual([200, 'delivered']);
  expect(calls).toEqual([step.id]);
  expect(await deliveriesOf('arrived')).toEqual(['completed', 'hello delivered', 'after delivered']);
  expect((await service.call('GET', '/api/users/arrived')).body['last_contacted_at']).not.toBeNull();
  expect(await parked()).toEqual([]);
  expect(await resolve(step.id, 'delivered')).toEqual([404, 'delivery_not_parked']);
});

it('or tries it again, with the same key', async () => {
  const step = await identified('again', 'hang');
  expect(await resolve(step.id, 'retry')).toEqual([200, 'retry']);
  expect(calls).toEqual([step.id, step.id]);
  expect(await deliveriesOf('again')).toEqual(['completed', 'hello delivered', 'after delivered']);
});

it('or skips it: the channel is not called, and the person goes on as after a failure', async () => {
  const step = await identified('skipped', 'hang');
  expect(await resolve(step.id, 'skip')).toEqual([200, 'skip']);
  expect(calls).toEqual([step.id]);
  expect(await deliveriesOf('skipped')).toEqual(['completed', 'hello failed', 'after delivered']);
  expect(await parked()).toEqual([]);
});

it('what was given up is shown until it is skipped, and cannot be tried again once the person has gone on', async () => {
  const step = await identified('given-up', 'refuse');
  expect(step).toMatchObject({
    state: 'failed',
    error: 'no such address',
    resolvable_as: ['delivered', 'skip'],
  });
  expect(await deliveriesOf('given-up')).toEqual(['completed', 'hello failed', 'after delivered']);
  expect(await resolve(step.id, 'retry')).toEqual([409, 'delivery_passed']);
  expect((await automation.invariants()).failed).toBe(1);
  expect(await resolve(step.id, 'skip')).toEqual([200, 'skip']);
  expect((await automation.invariants()).failed).toBe(0);
  expect(calls).toEqual([step.id]);
});

it('a person who was left broken stands again where they were when it is tried again', async () => {
  const step = await identified('broken', 'hang');
  // As where a definition cannot be read any more: given up, and out of the series.
  await pool.query(`UPDATE work SET state = 'failed' WHERE delivery_id = $1`, [step.id]);
  await pool.query(
    `UPDATE enrollments e SET state = 'exited', reason = 'broken', step = NULL, finished_at = now()
     FROM work w WHERE w.enrollment_id = e.id AND w.delivery_id = $1`,
    [step.id],
  );
  expect(await parked('?state=failed')).toMatchObject([
    { id: step.id, resolvable_as: ['retry', 'delivered', 'skip'] },
  ]);
  expect(await resolve(step.id, 'retry')).toEqual([200, 'retry']);
  expect(await deliveriesOf('broken')).toEqual(['completed', 'hello delivered', 'after delivered']);
});

it('a paused series waits with what was decided, and whoever was taken out stays out', async () => {
  const held = await identified('held', 'hang');
  const gone = await identified('gone', 'hang');
  await service.call('POST', '/api/series/welcome/pause');
  await service.call('POST', '/api/series/welcome/remove', { user_id: 'gone' });
  calls.length = 0;
  expect(await resolve(held.id, 'retry')).toEqual([200, 'retry']);
  expect(calls).toEqual([]);
  await service.call('POST', '/api/series/welcome/resume');
  await automation.idle();
  expect(calls).toEqual([held.id]);
  expect(await resolve(gone.id, 'retry')).toEqual([409, 'delivery_passed']);
  expect(await resolve(gone.id, 'delivered')).toEqual([200, 'delivered']);
  expect(await deliveriesOf('gone')).toEqual(['exited', 'hello delivered']);
  expect(calls).toEqual([held.id]);
});

it('lists go by state and series and page by page; an unknown id or answer is refused', async () => {
  const ids = [];
  for (const name of ['p1', 'p2', 'p3']) ids.push((await identified(name, 'hang')).id);
  expect(await parked('?state=failed')).toEqual([]);
  expect(await parked('?series=other')).toEqual([]);
  const first = await service.call('GET', '/api/deliveries?limit=2');
  const rest = await parked(`?limit=2&after=${String(first.body['next'])}`);
  expect([first.body['deliveries'], rest]).toMatchObject([
    [{ id: ids[0] }, { id: ids[1] }],
    [{ id: ids[2] }],
  ]);
  expect(await resolve('no-such-id', 'skip')).toEqual([404, 'delivery_not_parked']);
  expect((await resolve(ids[0] ?? '', 'forget'))[0]).toBe(400);
});
