import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
});

it('identify answers with the user and whether this call made it, and the second call adds to the first', async () => {
  const first = await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'u1',
    traits: { name: 'Ada', signed_up_at: '2026-01-01', role: 'admin' },
  });
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({
    created: true,
    user: {
      user_id: 'u1',
      name: 'Ada',
      signed_up_at: '2026-01-01T00:00:00.000Z',
      custom_fields: { role: 'admin' },
    },
  });
  const second = await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'u1',
    traits: { plan: 'pro', role: null },
  });
  expect(second.body).toMatchObject({
    created: false,
    user: { name: 'Ada', custom_fields: { plan: 'pro' } },
  });
});

it('GET /api/users/:user_id gives back what was sent, with the derived fields and the profile', async () => {
  await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'team/ü 1',
    traits: { email: 'u@example.com', seats: 3 },
  });
  const { status, body } = await service.call('GET', `/api/users/${encodeURIComponent('team/ü 1')}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    user_id: 'team/ü 1',
    email: 'u@example.com',
    custom_fields: { seats: 3 },
    customer_for: 'less than a day',
    days_since_signup: 0,
  });
  expect(body['profile']).toContain('seats: 3');
});

it('a user nobody sent is a 404 with a code and a hint', async () => {
  const { status, body } = await service.call('GET', '/api/users/nobody');
  expect(status).toBe(404);
  expect(body.error).toMatchObject({
    code: 'no_such_user',
    message: 'there is no user `nobody` in the workspace `acme`',
  });
});

it('a user id of 500 letters is found again by its address', async () => {
  const id = 'x'.repeat(500);
  await service.call('POST', '/api/sdk/users/identify', { user_id: id });
  expect((await service.call('GET', `/api/users/${id}`)).body['user_id']).toBe(id);
});

it('`__proto__` and `constructor` are traits like any other, and touch no prototype on their way in and out', async () => {
  const sent =
    '{"user_id":"p1","traits":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"x"}}';
  const { status, text } = await service.raw('/api/sdk/users/identify', sent);
  expect(status).toBe(200);
  const { text: read } = await service.call('GET', '/api/users/p1');
  for (const answer of [text, read]) {
    expect(answer).toContain('"__proto__":{"polluted":true}');
    expect(answer).toContain('"constructor":{"prototype":{"polluted":true}}');
  }
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted');
  const stored = await pool.query(
    `SELECT 1 FROM end_users WHERE user_id = 'p1' AND custom_fields ? '__proto__'`,
  );
  expect(stored.rowCount).toBe(1);
  const found = await service.raw(
    '/api/audiences/preview',
    '{"filter":{"==":[{"var":"custom:/__proto__/polluted"},true]}}',
  );
  expect(found.body).toMatchObject({ count: 1, sample: [{ user_id: 'p1' }] });
});

it('a number stays a number and text stays text: nothing is coerced, and no trait is dropped', async () => {
  const traits = { a: '1', b: 1, c: true, d: 'true', e: [1, '1', null], f: { g: {} }, h: '' };
  const { body } = await service.call('POST', '/api/sdk/users/identify', { user_id: 'types', traits });
  expect(body['user']).toMatchObject({ custom_fields: traits });
});

it('traits that Muster keeps are refused with every problem at once, and nothing is written', async () => {
  const { status, body } = await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'r1',
    traits: { created_at: '2026-01-01', last_seen: 'x', renewal_status: 'maybe', role: 'admin' },
  });
  expect(status).toBe(400);
  expect(body.error?.details.problems.map(({ path }) => path)).toEqual([
    '/traits/created_at',
    '/traits/last_seen',
    '/traits/renewal_status',
  ]);
  expect((await pool.query(`SELECT 1 FROM end_users WHERE user_id = 'r1'`)).rowCount).toBe(0);
});

it('thousands of nested lists in a trait are a refusal, not a failure of the server', async () => {
  const deep = '['.repeat(16_000) + ']'.repeat(16_000);
  const { status, body } = await service.raw(
    '/api/sdk/users/identify',
    `{"user_id":"deep","traits":{"a":${deep}}}`,
  );
  expect([status, body.error?.code]).toEqual([400, 'trait_too_deep']);
});

it('identify calls at once on one person lose no key', async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      service.call('POST', '/api/sdk/users/identify', { user_id: 'race', traits: { [`k${index}`]: index } }),
    ),
  );
  const { body } = await service.call('GET', '/api/users/race');
  expect(body['custom_fields']).toEqual(
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index])),
  );
});
