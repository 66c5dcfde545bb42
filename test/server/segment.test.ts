import { Analytics } from '@segment/analytics-node';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { serviceLog } from '../../src/server/log.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
const logged: string[] = [];
let now = Date.parse('2026-03-01T12:00:00Z');

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const log = serviceLog({ level: 'info', to: { write: (line: string) => void logged.push(line) } });
  service = await startService(pool, 'acme', { log, clock: () => now });
});

async function post(call: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const basic = Buffer.from(`${service.writeKey}:`).toString('base64');
  const text = JSON.stringify(body).replace('"VERY DEEP"', '['.repeat(5000) + ']'.repeat(5000));
  return service.raw(`/v1/${call}`, text, { authorization: `Basic ${basic}`, ...headers });
}

const user = async (id: string): Promise<Answer['body']> =>
  (await service.call('GET', `/api/users/${id}`)).body;

interface Stored {
  user_id: string | null;
  anonymous_id: string | null;
  event: string;
  properties: Record<string, unknown>;
  occurred_at: Date;
  message_id: string | null;
}

async function eventsOf(column: 'user_id' | 'anonymous_id', id: string): Promise<Stored[]> {
  const { rows } = await pool.query<Stored>(
    `SELECT u.user_id, u.anonymous_id, e.event, e.properties, e.occurred_at, e.message_id
     FROM events e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     WHERE e.workspace_id = 'acme' AND u.${column} = $1 ORDER BY e.occurred_at, e.event`,
    [id],
  );
  return rows;
}

it("Segment's own client for Node sends unchanged, and everything it sent is there", async () => {
  now = Date.now();
  const analytics = new Analytics({
    writeKey: service.writeKey,
    host: service.url,
    flushAt: 5,
    maxRetries: 0,
  });
  const failed: unknown[] = [];
  analytics.on('error', (error) => failed.push(error));
  const early = new Date('2026-02-01T08:30:00.000Z');
  analytics.track({ anonymousId: 'visitor', event: 'Landed', properties: { campaign: 'spring' } });
  analytics.identify({
    userId: 'n1',
    anonymousId: 'visitor',
    traits: {
      id: 'n1',
      name: 'Nora',
      email: 'nora@example.com',
      createdAt: new Date('2025-05-01'),
      seats: 3,
      gone: null,
    },
  });
  analytics.track({
    userId: 'n1',
    event: 'Order Completed',
    properties: { total: 12.5, items: [{ sku: 'a' }], __proto__: null },
    timestamp: early,
    messageId: 'order-1',
    context: { ip: '10.0.0.1' },
  });
  analytics.group({ userId: 'n1', groupId: 'g1', traits: { name: 'Globex', employees: 40 } });
  analytics.page({ userId: 'n1', name: 'Pricing', category: 'Docs', properties: { path: '/pricing' } });
  analytics.screen({ userId: 'n1', name: 'Home', properties: { tab: 'all' } });
  analytics.alias({ userId: 'n2', previousId: 'other-visitor' });
  for (let each = 0; each < 40; each += 1)
    analytics.track({ userId: `n${each + 10}`, event: 'Bulk', properties: { each } });
  await analytics.closeAndFlush();
  expect(failed).toEqual([]);

  expect(await user('n1')).toMatchObject({
    name: 'Nora',
    email: 'nora@example.com',
    signed_up_at: '2025-05-01T00:00:00.000Z',
    company_id: 'g1',
    anonymous_id: 'visitor',
    custom_fields: { seats: 3 },
  });
  const { rows: companies } = await pool.query(
    `SELECT name, custom_fields FROM companies WHERE workspace_id = 'acme' AND company_id = 'g1'`,
  );
  expect(companies).toEqual([{ name: 'Globex', custom_fields: { employees: 40 } }]);
  const events = await eventsOf('user_id', 'n1');
  expect(events.map(({ event }) => event).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'Landed',
    'Order Completed',
    'page',
    'screen',
  ]);
  const order = events.find(({ event }) => event === 'Order Completed');
  expect(order).toMatchObject({
    message_id: 'order-1',
    properties: { total: 12.5, items: [{ sku: 'a' }], context: { ip: '10.0.0.1' } },
  });
  expect(Math.abs((order?.occurred_at.getTime() ?? 0) - early.getTime())).toBeLessThan(5000);
  expect(events.find(({ event }) => event === 'page')?.properties).toMatchObject({
    path: '/pricing',
    name: 'Pricing',
    category: 'Docs',
  });
  expect(await user('n2')).toMatchObject({ anonymous_id: 'other-visitor' });
  const { rows } = await pool.query<{ each: number }>(
    `SELECT (properties->>'each')::int AS each FROM events WHERE workspace_id = 'acme' AND event = 'Bulk' ORDER BY 1`,
  );
  expect(rows.map(({ each }) => each)).toEqual(Array.from({ length: 40 }, (_, each) => each));
});

it('a message that is sent again is answered alike and stored once', async () => {
  const message = { userId: 'again', event: 'x', messageId: 'same' };
  for (let time = 0; time < 3; time += 1) {
    const { status, body } = await post('track', message);
    expect([status, body]).toEqual([200, { success: true }]);
  }
  await post('batch', { batch: [{ type: 'track', ...message }] });
  expect(await eventsOf('user_id', 'again')).toHaveLength(1);
});

it("a sender's clock that is off is corrected by what it showed when it sent; the time is never after receipt", async () => {
  now = Date.parse('2026-03-01T12:00:00Z');
  const hourAhead = { timestamp: '2026-03-01T12:50:00Z', sentAt: '2026-03-01T13:00:00Z' };
  await post('track', { userId: 'skew', event: 'a-corrected', ...hourAhead });
  await post('batch', {
    sentAt: '2026-03-01T11:00:00Z',
    batch: [{ type: 'track', userId: 'skew', event: 'b-behind', timestamp: '2026-03-01T10:55:00Z' }],
  });
  await post('track', { userId: 'skew', event: 'c-plain', timestamp: '2026-02-01T00:00:00Z' });
  await post('track', { userId: 'skew', event: 'd-ahead', timestamp: '2026-03-05T00:00:00Z' });
  await post('track', { userId: 'skew', event: 'e-none' });
  const times = (await eventsOf('user_id', 'skew')).map(({ event, occurred_at }) => [
    event,
    occurred_at.toISOString(),
  ]);
  expect(Object.fromEntries(times)).toEqual({
    'a-corrected': '2026-03-01T11:50:00.000Z',
    'b-behind': '2026-03-01T11:55:00.000Z',
    'c-plain': '2026-02-01T00:00:00.000Z',
    'd-ahead': '2026-03-01T12:00:00.000Z',
    'e-none': '2026-03-01T12:00:00.000Z',
  });
});

it('reserved traits never cost a call: id is dropped, createdAt is the signup, the rest is left out and kept as refusals', async () => {
  logged.length = 0;
  const traits = {
    id: 'r1',
    createdAt: '2025-01-02',
    last_seen: 'PRIVATE',
    updated_at: 'PRIVATE',
    plan: 'pro',
  };
  expect((await post('identify', { userId: 'r1', traits })).status).toBe(200);
  expect(await user('r1')).toMatchObject({
    signed_up_at: '2025-01-02T00:00:00.000Z',
    custom_fields: { plan: 'pro' },
  });
  expect(logged.join('')).not.toContain('PRIVATE');
  const { body } = await service.call('GET', '/api/ingest/refusals?user_id=r1');
  expect(body).toMatchObject({
    refusals: [
      { code: 'reserved_trait', path: '/traits/updated_at', whole: false, call: 'identify' },
      { code: 'reserved_trait', path: '/traits/last_seen', whole: false, call: 'identify' },
    ],
  });
  const second = { createdAt: 'some day', created_at: '2024-01-01', signed_up_at: '2023-01-01' };
  await post('identify', { userId: 'r2', traits: second });
  expect(await user('r2')).toMatchObject({
    signed_up_at: '2023-01-01T00:00:00.000Z',
    custom_fields: { createdAt: 'some day' },
  });
});

it('a null trait removes, and any trait key is plain data', async () => {
  await post('identify', { userId: 'k1', traits: { a: 1, b: 2 } });
  const traits: unknown = JSON.parse('{"a": null, "__proto__": {"x": 1}, "constructor": "c"}');
  await post('identify', { userId: 'k1', traits });
  const { text } = await service.call('GET', '/api/users/k1');
  expect(text).toContain('"custom_fields":{"b":2,"__proto__":{"x":1},"constructor":"c"}');
});

it('items of a batch that are refused do not stop the others; the log counts them by code and shows no data', async () => {
  logged.length = 0;
  const { status, body } = await post('batch', {
    batch: [
      { type: 'identify', userId: 'b1', traits: { plan: 'pro' } },
      { type: 'identify', userId: 'b2', traits: { renewal_status: 'PRIVATE' } },
      { type: 'nonsense', userId: 'PRIVATE' },
      { type: 'track', event: 'nobody' },
      'PRIVATE',
      null,
      { type: 'track', userId: 'b1', event: 'big', properties: { text: 'x'.repeat(40_000) } },
      { type: 'track', userId: 'b1', event: 'deep', properties: { deep: 'VERY DEEP' } },
      { type: 'track', userId: 'b1', event: 'when', timestamp: 'PRIVATE' },
      { type: 'track', userId: 'b1', event: 'fine' },
    ],
  });
  expect([status, body]).toEqual([200, { success: true }]);
  expect(await user('b1')).toMatchObject({ custom_fields: { plan: 'pro' } });
  expect((await eventsOf('user_id', 'b1')).map(({ event }) => event)).toEqual(['fine']);
  expect(await user('b2')).toMatchObject({ renewal_status: null });
  const line = logged.find((each) => each.includes('parts of a batch')) ?? '{}';
  expect(JSON.parse(line)).toMatchObject({
    workspace: 'acme',
    accepted: 3,
    refused: {
      trait_not_allowed: 1,
      segment_bad_type: 1,
      segment_no_id: 1,
      segment_bad_field: 3,
      event_too_large: 1,
      item_too_deep: 1,
    },
  });
  expect(logged.join('')).not.toContain('PRIVATE');
});

it('items about one person keep their order in a batch, also when only another id links them', async () => {
  const batch = Array.from({ length: 60 }, (_, at) => ({
    type: 'identify',
    userId: 'ordered',
    ...(at % 2 === 0 ? {} : { anonymousId: 'ordered-visitor' }),
    traits: { last: at, [`k${at}`]: at },
  }));
  await post('batch', { batch });
  const { custom_fields: fields } = await user('ordered');
  expect(fields).toMatchObject({ last: 59, k0: 0, k30: 30, k59: 59 });
});

it('identify of a visitor alone sets their traits, alone and in a batch, and whom they join has them later', async () => {
  logged.length = 0;
  const lone = { anonymousId: 'lone' };
  const traits = { id: 'lone', plan: 'trial', step: 1, updated_at: 'x' };
  expect((await post('identify', { ...lone, traits })).status).toBe(200);
  const batch = [
    { type: 'identify', ...lone, traits: { step: 2 } },
    { type: 'track', ...lone, event: 'Landed' },
    { type: 'identify', ...lone, traits: { step: null, source: 'ad' } },
    { type: 'identify', ...lone, traits: { renewal_status: 'maybe' } },
  ];
  expect((await post('batch', { batch })).status).toBe(200);
  expect(logged.join('')).toContain('"accepted":4,"refused":{"trait_not_allowed":1}');
  expect((await eventsOf('anonymous_id', 'lone')).map(({ event }) => event)).toEqual(['Landed']);
  await post('identify', { userId: 'lone-user', ...lone, traits: { plan: 'pro' } });
  expect((await user('lone-user')).custom_fields).toEqual({ plan: 'pro', source: 'ad' });
});

it('alias of a known user is refused, because two users are never merged', async () => {
  await post('identify', { userId: 'known' });
  const { status, body } = await post('alias', { userId: 'target', previousId: 'known' });
  expect([status, body.error?.code]).toEqual([409, 'segment_alias_known']);
  // The key is public, so what it cannot undo is left to the call that the hint names.
  expect(body.error?.hint).toContain('/api/users/:user_id/merge');
  await post('batch', { batch: [{ type: 'alias', userId: 'target', previousId: 'known' }] });
  const { body: kept } = await service.call('GET', '/api/ingest/refusals?code=segment_alias_known');
  const told = { user_id: 'target', whole: true };
  expect(kept).toMatchObject({
    refusals: [
      { call: 'alias', ...told },
      { call: 'alias', ...told },
    ],
  });
});

async function refused(call: string, body: unknown): Promise<unknown> {
  const answer = await post(call, body);
  return [answer.status, answer.body.error?.code];
}

it('calls alone are refused with a code: no id, no event, a batch that is none, too many items', async () => {
  expect(await refused('identify', { traits: {} })).toEqual([400, 'segment_no_id']);
  expect(await refused('track', { userId: 'u' })).toEqual([400, 'segment_bad_field']);
  expect(await refused('group', { userId: 'u' })).toEqual([400, 'segment_no_id']);
  expect(await refused('alias', { userId: 'u' })).toEqual([400, 'segment_no_id']);
  expect(await refused('batch', {})).toEqual([400, 'body_missing_key']);
  expect(await refused('batch', { batch: {} })).toEqual([400, 'body_invalid']);
  expect(await refused('batch', { batch: Array.from({ length: 2501 }, () => 0) })).toEqual([
    413,
    'batch_too_long',
  ]);
});

it('browsers may send JSON as text, from any page, and a wrong key is refused', async () => {
  const answer = await post(
    'track',
    { userId: 'page', event: 'x' },
    { 'content-type': 'text/plain;charset=UTF-8' },
  );
  expect(answer.status).toBe(200);
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  const wrong = await post(
    'track',
    { userId: 'page', event: 'x' },
    { authorization: `Basic ${btoa('nobody:')}` },
  );
  expect([wrong.status, wrong.body.error?.code]).toEqual([401, 'key_mistyped']);
});

const pathsOf = async (type: string, sent: object): Promise<unknown> => {
  const { body } = await service.call('POST', `/v1/${type}`, sent);
  return body.error?.details.problems.map(({ code, path }) => [code, path]);
};

it('a fault of an id points to the key that was sent', async () => {
  expect(await pathsOf('group', { userId: 'u', groupId: '.' })).toEqual([['bad_user_id', '/groupId']]);
  expect(await pathsOf('identify', { userId: 'undefined' })).toEqual([['id_missing_value', '/userId']]);
  expect(await pathsOf('track', { anonymousId: '..', event: 'x' })).toEqual([
    ['bad_user_id', '/anonymousId'],
  ]);
});
