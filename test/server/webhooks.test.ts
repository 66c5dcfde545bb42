import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { matching } from '../support/matchers.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;

const url = 'https://hooks.example.com/muster';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  service = await startService(pool, 'acme');
});

it('an endpoint goes through its life over HTTP, and its secret is shown when it is made', async () => {
  const made = await service.call('POST', '/api/webhooks', { key: 'crm', url });
  expect([made.status, made.body]).toMatchObject([
    201,
    { key: 'crm', url, enabled: true, secret: matching(/^whsec_/) },
  ]);
  const listed = await service.call('GET', '/api/webhooks');
  const { secret, ...rest } = made.body;
  expect([listed.status, listed.body]).toEqual([200, { endpoints: [rest] }]);
  expect(listed.text).not.toContain(secret);

  const changed = await service.call('PUT', '/api/webhooks/crm', {
    url,
    description: 'ours',
    enabled: false,
  });
  expect([changed.status, changed.body]).toMatchObject([
    200,
    { description: 'ours', enabled: false, disabled_reason: 'by_hand' },
  ]);
  expect(changed.body).not.toHaveProperty('secret');

  const enabled = await service.call('POST', '/api/webhooks/crm/enable');
  expect([enabled.status, enabled.body]).toMatchObject([200, { enabled: true, disabled_reason: null }]);

  const rotated = await service.call('POST', '/api/webhooks/crm/rotate-secret', { overlap_seconds: 60 });
  expect(rotated.status).toBe(201);
  expect(rotated.body['secret']).not.toBe(secret);
  expect(rotated.body['secrets']).toHaveLength(2);

  const one = await service.call('GET', '/api/webhooks/crm');
  expect([one.status, one.body['key'], one.body['secret']]).toEqual([200, 'crm', undefined]);

  expect((await service.call('DELETE', '/api/webhooks/crm')).body).toEqual({ deleted: true });
  expect((await service.call('DELETE', '/api/webhooks/crm')).body).toEqual({ deleted: false });
  const gone = await service.call('GET', '/api/webhooks/crm');
  expect([gone.status, gone.body.error?.code]).toEqual([404, 'webhook_not_found']);
});

it('PUT makes an endpoint that is not there, and refuses another key than its address has', async () => {
  const made = await service.call('PUT', '/api/webhooks/new', { url });
  expect([made.status, made.body['secret']]).toEqual([200, matching(/^whsec_/)]);
  const other = await service.call('PUT', '/api/webhooks/new', { key: 'old', url });
  expect([other.status, other.body.error?.code]).toEqual([400, 'key_differs']);
});

it.each([
  ['https://169.254.169.254/latest/meta-data/', 'webhook_blocked_address'],
  ['https://[::ffff:127.0.0.1]/', 'webhook_blocked_address'],
  ['https://localhost:6379/', 'webhook_blocked_address'],
  ['http://hooks.example.com/', 'webhook_bad_url'],
  ['redis://hooks.example.com/', 'webhook_bad_url'],
])('%s is refused with a reason and a way out', async (bad, code) => {
  const { status, body } = await service.call('POST', '/api/webhooks', { key: 'bad', url: bad });
  expect([status, body.error?.code, body.error?.path]).toEqual([400, code, '/url']);
  expect(body.error?.hint).not.toBe('');
});

it('a misspelt member is refused, so that it is never silently without effect', async () => {
  const { status } = await service.call('POST', '/api/webhooks', { key: 'a', url, enabeld: false });
  expect(status).toBe(400);
});

it('endpoints are the business of secret keys only', async () => {
  for (const [method, path] of [
    ['GET', '/api/webhooks'],
    ['POST', '/api/webhooks'],
    ['DELETE', '/api/webhooks/new'],
    ['POST', '/api/webhooks/new/rotate-secret'],
  ] as const) {
    expect((await service.call(method, path, undefined, service.writeKey)).status).toBe(403);
    expect((await service.call(method, path, undefined, '')).status).toBe(401);
  }
});

it('an operator lets webhooks into networks of their own', async () => {
  const own = await startService(pool, 'acme', { allowedNetworks: ['10.0.0.0/8'] });
  const saved = await own.call('POST', '/api/webhooks', { key: 'inside', url: 'http://10.1.2.3/hook' });
  expect(saved.status).toBe(201);
  const beside = await own.call('POST', '/api/webhooks', { key: 'beside', url: 'http://192.168.1.1/' });
  expect(beside.body.error?.code).toBe('webhook_blocked_address');
});
