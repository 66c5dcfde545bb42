import { beforeAll, expect, test } from 'vitest';
import { afterLaunch, explainBroadcast } from '../../../src/automation/broadcasts/explain.js';
import type { BroadcastExplanation } from '../../../src/automation/broadcasts/explain.js';
import {
  launchBroadcast,
  noEmailSettings,
  pauseBroadcast,
  saveBroadcast,
  testBroadcast,
} from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { suppress, unsubscribe } from '../../../src/traits/index.js';
import { testDatabase } from '../../support/database.js';
import { addPeople, addWorkspace, broadcastOf, recipientsOf, workspace } from './support.js';

let pool: Pool;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await addWorkspace(pool);
  await addPeople(pool, [
    { userId: 'ann', email: 'ann@example.com', custom: { plan: 'pro' } },
    { userId: 'bob', email: 'same@example.com', custom: { plan: 'pro' } },
    { userId: 'cy', email: ' Same@example.com', custom: { plan: 'pro' } },
    { userId: 'free', email: 'free@example.com', custom: { plan: 'free' } },
    { userId: 'gone', email: 'gone@example.com', custom: { plan: 'pro' } },
    { userId: 'quiet', email: 'quiet@example.com', custom: { plan: 'pro' } },
    { userId: 'mute', custom: { plan: 'pro' } },
  ]);
  await suppress(pool, { workspaceId: workspace, userId: 'gone', reason: 'hard_bounce', source: 'smtp' });
  await unsubscribe(pool, { workspaceId: workspace, email: 'quiet@example.com', topic: 'news' });
  await unsubscribe(pool, { workspaceId: workspace, userId: 'ann', topic: 'other' });
});

const save = async (key: string, more: object = {}): Promise<void> => {
  const message = { title: 'Hello', text: 'Hello' };
  const audience = { '==': [{ var: 'custom:plan' }, 'pro'] };
  const definition = broadcastOf(key, { channel: 'email', topic: 'news', audience, message, ...more });
  const smtp = { smtp_url: 'smtp://mail.example.com', from: 'Acme <a@example.com>' };
  const email = { ...noEmailSettings, ...smtp, public_url: 'https://muster.example.com' };
  await saveBroadcast(pool, workspace, definition, { email });
};
const ask = (key: string, userId: string): Promise<BroadcastExplanation> =>
  explainBroadcast(pool, workspace, key, { userId });

/** What is said of each person before the launch, and then what the launch made of them. */
const everybody = ['ann', 'bob', 'cy', 'free', 'gone', 'quiet', 'mute'];

test('before a launch it says what the launch would do, and the launch does it', async () => {
  await save('spring', { dedupe: 'address' });
  const before = await Promise.all(everybody.map((userId) => ask('spring', userId)));
  expect(before.map(({ status, reason }) => [status, reason])).toEqual([
    ['not_launched', null],
    ['not_launched', null],
    ['not_launched', 'duplicate'],
    ['not_launched', 'not_in_audience'],
    ['not_launched', 'suppressed'],
    ['not_launched', 'suppressed'],
    ['not_launched', 'unreachable'],
  ]);
  const [ann, , cy, free, gone, quiet, mute] = before;
  expect(ann).toMatchObject({ run: null, recipient: null, next: { verdict: 'will_send' }, opt_outs: [] });
  expect(cy?.next).toMatchObject({ instead: 'bob', due_at: null });
  expect(free?.audience).toMatchObject({ matched: false, clauses: [{ seen: 'free', wanted: 'pro' }] });
  expect(gone?.opt_outs).toMatchObject([{ list: 'suppressions', by: 'user_id', reason: 'hard_bounce' }]);
  expect(quiet?.opt_outs).toMatchObject([{ list: 'unsubscribes', by: 'email', topic: 'news' }]);
  expect(mute?.unreachable).toBe('no_email');

  await launchBroadcast(pool, workspace, 'spring');
  const verdicts = new Map(
    (await recipientsOf(pool, 'spring')).map(({ user_id: id, verdict }) => [id ?? '', verdict]),
  );
  for (const { user_id: id, next } of before)
    expect([id, verdicts.get(id) ?? 'not_in_audience']).toEqual([id, next?.verdict]);
});

test('after a launch it says what the launch decided, and that nothing is to come', async () => {
  await save('autumn', { dedupe: 'address' });
  await launchBroadcast(pool, workspace, 'autumn');
  const after = await Promise.all(everybody.map((userId) => ask('autumn', userId)));
  expect(after.map(({ status, reason, next }) => [status, reason, next])).toEqual([
    ['waiting', null, null],
    ['waiting', null, null],
    ['not_sent', 'duplicate', null],
    ['not_sent', 'not_in_audience', null],
    ['not_sent', 'suppressed', null],
    ['not_sent', 'suppressed', null],
    ['not_sent', 'unreachable', null],
  ]);
  await pauseBroadcast(pool, workspace, 'autumn');
  expect(await ask('autumn', 'ann')).toMatchObject({ status: 'waiting', reason: 'paused', state: 'paused' });
});

test('caps are named, a test is no launch, and a time to come is told', async () => {
  await save('summer', {
    frequency_caps: [{ messages: 1, per: [7, 'days'] }],
    schedule: { at: '2099-01-01T00:00:00Z' },
  });
  await testBroadcast(pool, workspace, 'summer', { userId: 'ann' });
  const found = await ask('summer', 'ann');
  expect(found).toMatchObject({ status: 'not_launched', run: null, caps: ['1 per 7 days'] });
  expect(found.next?.due_at).toEqual(new Date('2099-01-01T00:00:00Z'));
  await launchBroadcast(pool, workspace, 'summer');
  expect(await ask('summer', 'ann')).toMatchObject({ status: 'waiting', reason: 'not_due' });
});

test('each state of a recipient has its status', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const pending = {
    state: 'pending',
    reason: null,
    verdict: 'will_send',
    due_at: null,
    retry_at: null,
  } as const;
  const later = new Date(now + 1);
  const of = (
    state: Parameters<typeof afterLaunch>[0]['state'],
    more: Partial<NonNullable<Parameters<typeof afterLaunch>[1]>>,
  ): unknown[] => Object.values(afterLaunch({ state }, { ...pending, ...more }, now));
  expect(of('running', { state: 'sent' })).toEqual(['sent', null]);
  expect(of('running', { state: 'sending' })).toEqual(['waiting', null]);
  expect(of('running', { retry_at: later })).toEqual(['waiting', 'retry']);
  expect(of('running', { verdict: 'deferred', due_at: later })).toEqual(['waiting', 'deferred']);
  expect(of('cancelled', { state: 'skipped', reason: 'cancelled' })).toEqual(['not_sent', 'cancelled']);
  expect(of('running', { state: 'failed', reason: '550 no' })).toEqual(['not_sent', '550 no']);
  expect(of('running', { state: 'unknown' })).toEqual(['unknown', null]);
});

test('nobody and no broadcast are named', async () => {
  await expect(ask('nothing', 'ann')).rejects.toMatchObject({ code: 'broadcast_not_found' });
  await expect(ask('spring', 'x')).rejects.toMatchObject({ code: 'no_such_user' });
});
