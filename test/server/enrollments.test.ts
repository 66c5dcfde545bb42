import { beforeAll, beforeEach, expect, it } from 'vitest';
import { startAutomation } from '../../src/automation/index.js';
import type { Automation } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
let automation: Automation;
/** What the channel was called for, as `user step`. */
const sent: string[] = [];

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const redis = await testRedis();
  automation = await startAutomation({
    pool,
    redisUrl: redis.url,
    poll: 20,
    logSink: ({ user, step }) => void sent.push(`${user} ${step}`),
  });
  afterFile(() => automation.stop());
  service = await startService(pool, 'acme', { onFact: () => automation.nudge() });
});

beforeEach(() => {
  sent.length = 0;
});

const send = (key: string): object => ({ type: 'send', key, channel: 'log', message: { text: key } });
const wait = (amount: number): object => ({ type: 'wait', key: 'pause', for: [amount, 'days'] });
const hello = (key: string, steps: readonly object[], more: object = {}): object => ({
  key,
  name: key,
  trigger: { type: 'event', event: `start ${key}` },
  entry: 'once',
  steps,
  ...more,
});

const call = (path: string, body?: unknown): Promise<Answer> =>
  service.call(body === undefined ? 'GET' : 'POST', `/api/series${path === '' ? '' : `/${path}`}`, body);
const codeOf = ({ status, body }: Answer): unknown => [status, body.error?.code];

async function people(...names: string[]): Promise<void> {
  for (const user_id of names) await service.call('POST', '/api/sdk/users/identify', { user_id });
}

it('whoever is let in by hand goes through the steps, and their story tells it from the trigger to the last delivery', async () => {
  await call('', hello('tour', [send('first'), wait(3), send('second')]));
  await people('ann');
  const entered = await call('tour/enroll', { user_id: 'ann' });
  expect([entered.status, entered.body]).toMatchObject([200, { entered: true, state: 'inside' }]);
  expect((await call('tour/enroll', { user_id: 'ann' })).body).toMatchObject({ entered: false });
  await automation.idle();

  const { status, body } = await call('tour/enrollments/ann');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    user_id: 'ann',
    series: 'tour',
    suppressed: false,
    entries: [
      {
        state: 'active',
        version: 1,
        happening: { kind: 'by_hand' },
        next: { step: 'pause', state: 'pending' },
        deliveries: [{ step: 'first', channel: 'log', state: 'delivered', attempts: 1 }],
      },
    ],
    refusals: [{ happening: 'by_hand' }],
  });
  expect(JSON.stringify(body['entries'])).toContain('"what":"delivered"');
  expect(sent).toEqual(['ann first']);

  expect((await call('tour/remove', { user_id: 'ann' })).body).toEqual({ removed: 1 });
  expect((await call('tour/remove', { user_id: 'ann' })).body).toEqual({ removed: 0 });
  expect((await call('tour/enrollments')).body).toMatchObject({
    enrollments: [{ user_id: 'ann', state: 'exited', reason: 'removed', step: null, due_at: null }],
    next: null,
  });
});

it('who is inside is listed page by page and by state, and each person once', async () => {
  await call('', hello('pages', [wait(1), send('later')]));
  const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
  await people(...names);
  for (const user_id of names) await call('pages/enroll', { user_id });
  await call('pages/remove', { user_id: 'page-3' });
  const seen: string[] = [];
  let after = '';
  for (let pages = 0; pages < 10; pages += 1) {
    const { body } = await call(`pages/enrollments?state=active&limit=2${after}`);
    const found = body['enrollments'];
    if (!Array.isArray(found)) throw new Error('there is no list');
    seen.push(...found.map((each: { user_id: string }) => each.user_id));
    if (body['next'] === null) break;
    after = typeof body['next'] === 'string' ? `&after=${body['next']}` : '';
  }
  expect(seen.toSorted()).toEqual(names.filter((name) => name !== 'page-3'));
  for (const query of ['state=gone', 'limit=0', 'limit=1001', 'limit=x', 'whatever=1'])
    expect([query, (await call(`pages/enrollments?${query}`)).status]).toEqual([query, 400]);
});

it('a changed series is a new version; people inside keep theirs until they are moved, from one version where asked', async () => {
  await call('', hello('moved', [wait(9), send('old')]));
  await people('early', 'late');
  await call('moved/enroll', { user_id: 'early' });
  await call('', hello('moved', [wait(9), send('newer')]));
  await call('moved/enroll', { user_id: 'late' });
  await call('', hello('moved', [wait(9), send('newest')]));
  const inside = async (): Promise<unknown> => {
    const { versions } = (await call('moved/versions')).body;
    if (!Array.isArray(versions)) throw new Error('there is no list');
    return versions.map((each: { version: number; inside: number }) => [each.version, each.inside]);
  };
  expect(await inside()).toEqual([
    [3, 0],
    [2, 1],
    [1, 1],
  ]);
  expect((await call('moved/move', { from: 1 })).body).toEqual({ version: 3, moved: 1, left: 0 });
  expect(await inside()).toEqual([
    [3, 1],
    [2, 1],
    [1, 0],
  ]);
  expect((await call('moved/move', {})).body).toEqual({ version: 3, moved: 1, left: 0 });
  expect(codeOf(await call('moved/move', { to: 4 }))).toEqual([404, 'series_no_such_version']);
  expect(codeOf(await call('moved/move', { from: 4 }))).toEqual([404, 'series_no_such_version']);
  await call('', hello('moved', [send('elsewhere')]));
  expect(codeOf(await call('moved/move', {}))).toEqual([409, 'series_step_gone']);
});

it('a paused series takes nobody in and sends nothing; a resumed one goes on; deleting one with people inside must be forced', async () => {
  await call('', hello('held', [send('only')]));
  await people('patient', 'refused');
  expect((await call('held/pause', {})).body).toMatchObject({ state: 'paused' });
  expect(codeOf(await call('held/enroll', { user_id: 'patient' }))).toEqual([409, 'series_not_active']);
  expect((await call('held/resume', {})).body).toMatchObject({ state: 'active' });
  await call('held/enroll', { user_id: 'patient' });
  await automation.idle();
  expect(sent).toEqual(['patient only']);

  await call('', hello('held', [wait(1), send('only')]));
  await call('held/enroll', { user_id: 'refused' });
  const path = '/api/series/held';
  expect(codeOf(await service.call('DELETE', path))).toEqual([409, 'series_has_people']);
  expect((await call('held')).body).toMatchObject({ state: 'active' });
  const deleted = await service.call('DELETE', `${path}?force=true`);
  expect([deleted.status, deleted.body]).toMatchObject([200, { state: 'archived' }]);
  expect((await service.call('DELETE', path)).status).toBe(200);
  expect(codeOf(await call('held/resume', {}))).toEqual([409, 'series_archived']);
});

it('a series or a person that is not there is named', async () => {
  await call('', hello('there', [send('x')]));
  await people('known');
  for (const [path, body] of [
    ['nowhere/enroll', { user_id: 'known' }],
    ['nowhere/remove', { user_id: 'known' }],
    ['nowhere/move', {}],
    ['nowhere/pause', {}],
    ['nowhere/versions', undefined],
    ['nowhere/enrollments', undefined],
    ['nowhere/enrollments/known', undefined],
  ] as const)
    expect([path, codeOf(await call(path, body))]).toEqual([path, [404, 'series_not_found']]);
  expect(codeOf(await service.call('DELETE', '/api/series/nowhere'))).toEqual([404, 'series_not_found']);
  for (const [path, body] of [
    ['there/enroll', { user_id: 'nobody' }],
    ['there/remove', { user_id: 'nobody' }],
    ['there/enrollments/nobody', undefined],
  ] as const)
    expect([path, codeOf(await call(path, body))]).toEqual([path, [404, 'no_such_user']]);
});
