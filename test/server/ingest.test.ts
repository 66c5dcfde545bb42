import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
const folder = mkdtempSync(join(tmpdir(), 'muster-test-uploads-'));
afterFile(async () => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme', { upload: { folder, limit: 100_000 } });
});

const user = async (id: string): Promise<Answer['body']> =>
  (await service.call('GET', `/api/users/${id}`)).body;

it('identify puts the user into a company and sets its traits, and a filter on the company finds the user', async () => {
  const { status } = await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'u1',
    company_id: 'c1',
    company_traits: { name: 'Globex', plan: 'pro' },
  });
  expect(status).toBe(200);
  const filter = { '==': [{ var: 'company.custom:plan' }, 'pro'] };
  expect((await service.call('POST', '/api/audiences/preview', { filter })).body).toMatchObject({ count: 1 });
  const second = await service.call('POST', '/api/sdk/companies/identify', {
    company_id: 'c1',
    traits: { plan: null },
  });
  expect(second.body).toMatchObject({
    created: false,
    company: { company_id: 'c1', name: 'Globex', custom_fields: {} },
  });
});

it('a reserved trait of a company is refused with its path, and neither user nor company is written', async () => {
  const { status, body } = await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'r1',
    company_id: 'r1',
    company_traits: { created_at: '2026-01-01' },
  });
  expect([status, body.error?.code, body.error?.path]).toEqual([
    400,
    'reserved_trait',
    '/company_traits/created_at',
  ]);
  expect((await user('r1')).error?.code).toBe('no_such_user');
});

it('track answers accepted, stores a message id once, and an event of nobody is refused', async () => {
  const event = {
    user_id: 'u1',
    event: 'trial_started',
    message_id: 'm1',
    occurred_at: '2026-01-01T00:00:00Z',
  };
  expect((await service.call('POST', '/api/sdk/track', event, service.writeKey)).body).toEqual({
    accepted: true,
    stored: true,
  });
  expect((await service.call('POST', '/api/sdk/track', event, service.writeKey)).body).toEqual({
    accepted: true,
    stored: false,
  });
  const nobody = await service.call('POST', '/api/sdk/track', { event: 'x' });
  expect([nobody.status, nobody.body.error?.code]).toEqual([400, 'event_of_nobody']);
});

it('a visitor is joined by identify, and the events move over', async () => {
  await service.call('POST', '/api/sdk/track', { anonymous_id: 'v1', event: 'landed' });
  await service.call('POST', '/api/sdk/users/identify', { user_id: 'joined', anonymous_id: 'v1' });
  const filter = { did: { event: 'landed' } };
  const { body } = await service.call('POST', '/api/audiences/preview', { filter });
  expect(body).toMatchObject({ count: 1, sample: [{ user_id: 'joined' }] });
});

const identify = (body: object): ReturnType<Service['call']> =>
  service.call('POST', '/api/sdk/users/identify', body);

it('a visitor alone is identified by anonymous_id and is created once they are somebody; a company has no visitors', async () => {
  const alone = await identify({ anonymous_id: 'v2', traits: { plan: 'free', source: 'ad' } });
  expect(alone.body).toMatchObject({
    created: false,
    user: { user_id: null, anonymous_id: 'v2', custom_fields: { plan: 'free' } },
  });
  for (const [key, value] of Object.entries({ company_id: 'c', company_traits: { plan: 'x' } })) {
    const { status, body } = await identify({ anonymous_id: 'v2', [key]: value });
    expect([status, body.error]).toMatchObject([400, { code: 'visitor_company', path: `/${key}` }]);
  }
  const reserved = await identify({ anonymous_id: 'v3', traits: { id: 'x' } });
  expect([reserved.status, reserved.body.error?.code]).toEqual([400, 'reserved_trait']);
  expect(
    (await identify({ user_id: 'known', anonymous_id: 'v2', traits: { plan: 'pro' } })).body,
  ).toMatchObject({
    created: true,
    user: { user_id: 'known', custom_fields: { plan: 'pro', source: 'ad' } },
  });
});

it('PATCH and the batch put people into companies without a visit of either', async () => {
  const company = { company_id: 'backfilled', company_traits: { seats: 5 } };
  const patched = await service.call('PATCH', '/api/users/pc1', company);
  expect([patched.status, patched.body]).toMatchObject([
    200,
    { user: { company_id: 'backfilled', last_seen: null } },
  ]);
  const batch = await service.call('POST', '/api/users/batch', { users: [{ user_id: 'pc2', ...company }] });
  expect(batch.body).toMatchObject({ created: 1, rejected: 0 });
  const alone = await service.call('PATCH', '/api/users/pc1', { company_traits: { seats: 6 } });
  expect([alone.status, alone.body.error?.code]).toEqual([400, 'company_traits_alone']);
});

it('PATCH and the batch change traits and never move last_seen', async () => {
  await service.call('POST', '/api/sdk/users/identify', { user_id: 'p1', traits: { a: 1 } });
  const { last_seen: before } = await user('p1');
  const patched = await service.call('PATCH', '/api/users/p1', { traits: { b: 2 } });
  expect(patched.body).toMatchObject({ created: false, user: { custom_fields: { a: 1, b: 2 } } });
  await service.call('POST', '/api/users/batch', { users: [{ user_id: 'p1', traits: { c: 3 } }] });
  expect(await user('p1')).toMatchObject({ last_seen: before, custom_fields: { a: 1, b: 2, c: 3 } });
});

it('each item of a batch is answered for by itself, in order, and the sound ones are in', async () => {
  const { status, body } = await service.call('POST', '/api/users/batch', {
    users: [
      { user_id: 'b1', traits: { plan: 'pro' } },
      { user_id: 'b2', traits: { last_seen: 'x' } },
      { user_id: 'b3', traits: { text: 'x'.repeat(33_000) } },
      3,
      { user_id: 'p1', traits: { plan: 'pro' } },
    ],
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    created: 1,
    updated: 1,
    rejected: 3,
    results: [
      { user_id: 'b1', status: 'created' },
      {
        user_id: 'b2',
        status: 'rejected',
        error: { code: 'reserved_trait', path: '/users/1/traits/last_seen' },
      },
      { user_id: 'b3', status: 'rejected', error: { code: 'traits_too_large' } },
      { user_id: null, status: 'rejected' },
      { user_id: 'p1', status: 'updated' },
    ],
  });
  const many = Array.from({ length: 1001 }, (_, at) => ({ user_id: `m${at}`, traits: {} }));
  const refused = await service.call('POST', '/api/users/batch', { users: many });
  expect([refused.status, refused.body.error?.code]).toEqual([413, 'batch_too_long']);
});

it('an import answers with counts and reasons, in each of its three types', async () => {
  const csv = await service.raw('/api/imports', 'user_id,plan,seats\ni1,pro,3\n,pro,4\n', {
    'content-type': 'text/csv; charset=utf-8',
  });
  expect(csv.body).toMatchObject({
    rows: 2,
    created: 1,
    updated: 0,
    rejected: 1,
    rejects: [{ line: 3, code: 'row_no_user_id' }],
  });
  const tsv = await service.raw('/api/imports', 'user_id\tplan\ni2\tfree\n', {
    'content-type': 'text/tab-separated-values',
  });
  expect(tsv.body).toMatchObject({ rows: 1, created: 1 });
  const lines = '{"user_id":"i1","traits":{"plan":"team"}}\n{"user_id":"i3","traits":{"__proto__":1}}\n';
  const ndjson = await service.raw('/api/imports?fire_triggers=false', lines, {
    'content-type': 'application/x-ndjson',
  });
  expect(ndjson.body).toMatchObject({ rows: 2, created: 1, updated: 1, rejected: 0 });
  expect(await user('i1')).toMatchObject({ last_seen: null, custom_fields: { plan: 'team', seats: 3 } });
});

it('the file of an import is gone afterwards, also when it was refused or too large', async () => {
  const type = { 'content-type': 'text/csv' };
  expect((await service.raw('/api/imports', 'user_id\nx1\n', type)).status).toBe(200);
  expect((await service.raw('/api/imports', 'nothing\nx\n', type)).body.error?.code).toBe(
    'import_no_user_id',
  );
  const large = await service.raw('/api/imports', `user_id\n${'x'.repeat(100_000)}`, type);
  expect([large.status, large.body.error?.code]).toEqual([413, 'body_too_large']);
  // Without a length in front, the bytes are counted as they come.
  const chunks = new ReadableStream({
    start(controller) {
      for (let chunk = 0; chunk < 30; chunk += 1)
        controller.enqueue(new TextEncoder().encode('user_id\n'.repeat(1000)));
      controller.close();
    },
  });
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { ...type, authorization: `Bearer ${service.secretKey}` },
    body: chunks,
    duplex: 'half',
  };
  expect((await fetch(`${service.url}/api/imports`, init)).status).toBe(413);
  expect(readdirSync(folder)).toEqual([]);
});

it('export streams everything of a user as NDJSON, and erasing leaves nothing behind', async () => {
  await service.call('POST', '/api/sdk/users/identify', {
    user_id: 'gone',
    traits: { email: 'gone@example.com', x: 'PRIVATE' },
  });
  await service.call('POST', '/api/sdk/track', { user_id: 'gone', event: 'e', properties: { y: 'PRIVATE' } });
  const headers = { authorization: `Bearer ${service.secretKey}` };
  const exported = await fetch(`${service.url}/api/users/gone/export`, { headers });
  expect(exported.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
  const lines = (await exported.text()).trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(() => void JSON.parse(line)).not.toThrow();
  expect(lines.filter((line) => line.includes('PRIVATE'))).toHaveLength(2);
  expect((await service.call('GET', '/api/users/nobody/export')).body.error?.code).toBe('no_such_user');

  expect((await service.call('DELETE', '/api/users/gone?suppress=true')).body).toEqual({ erased: true });
  expect((await service.call('DELETE', '/api/users/gone')).body).toEqual({ erased: false });
  expect((await user('gone')).error?.code).toBe('no_such_user');
  const { rowCount } = await pool.query(`SELECT 1 FROM events WHERE properties::text LIKE '%PRIVATE%'`);
  expect(rowCount).toBe(0);
});

it('the last calls of a page are answered one by one, and what cannot be is not tried', async () => {
  const beacon = async (body: object): Promise<Answer> =>
    service.raw('/api/sdk/beacon', JSON.stringify(body), {
      authorization: '',
      'content-type': 'text/plain;charset=UTF-8',
    });
  const calls = [
    { call: 'users/identify', body: { user_id: 'leaving', traits: { a: 1 } } },
    { call: 'track', body: { user_id: 'leaving' } },
    { call: '../audiences/preview', body: { filter: { everyone: true } } },
    { call: 'track', body: { user_id: 'leaving', event: 'left' } },
  ];
  const { status, body } = await beacon({ key: service.writeKey, calls });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    results: [{ status: 200 }, { status: 400 }, { status: 404 }, { status: 200 }],
  });
  const wrong = await beacon({ key: 'a\r\nb', calls: calls.slice(0, 1) });
  expect(wrong.body).toMatchObject({ results: [{ status: 401 }] });
});
