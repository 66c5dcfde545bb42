import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { rateLimitOf } from '../../src/server/limits.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import type { TestRedis } from '../support/redis.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let redis: TestRedis;

beforeAll(async () => {
  ({ pool } = await testDatabase());
  redis = await testRedis();
});

const limit = { calls: 3, seconds: 600 };
const ask = async (service: Service, key = service.secretKey): Promise<number> =>
  (await service.call('GET', '/api/series', undefined, key)).status;

it('a key over its limit gets 429 with Retry-After, and another key of the workspace is not touched', async () => {
  const service = await startService(pool, 'acme', { rateLimit: limit });
  for (let call = 0; call < 3; call += 1) expect(await ask(service)).toBe(200);
  const { status, body, headers } = await service.call('GET', '/api/series');
  expect([status, body.error?.code]).toEqual([429, 'rate_limited']);
  const seconds = Number(headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(600);
  expect(body.error?.hint).toContain(`${seconds} s`);
  expect(
    (await service.call('POST', '/api/sdk/users/identify', { user_id: 'u' }, service.writeKey)).status,
  ).toBe(200);
});

it('a call whose key is refused counts for nobody', async () => {
  const service = await startService(pool, 'counts', { rateLimit: limit });
  for (let call = 0; call < 5; call += 1) {
    expect(await ask(service, `${service.secretKey}x`)).toBe(401);
  }
  expect(await ask(service)).toBe(200);
});

/** Waits until the server's own connection to Redis is there; its first calls may be counted in memory. */
async function counted(service: Service): Promise<void> {
  await expect.poll(() => ask(service), { interval: 20 }).toBe(200);
}

it('processes that share a Redis share the count', async () => {
  const options = { rateLimit: { calls: 100, seconds: 600 }, redisUrl: redis.url };
  const one = await startService(pool, 'shared', options);
  const two = await startService(pool, 'shared', options);
  await counted(one);
  await counted(two);
  const statuses: number[] = [];
  for (let call = 0; call < 150; call += 1) {
    statuses.push(await ask(call % 2 === 0 ? one : two, one.secretKey));
    if (statuses.at(-1) === 429) break;
  }
  // Each alone would have let 100 through, and both 200.
  expect(statuses.at(-1)).toBe(429);
  expect(statuses.length).toBeLessThan(110);
});

it('while Redis is away each process counts for itself, and no call fails', async () => {
  const service = await startService(pool, 'away', { rateLimit: limit, redisUrl: 'redis://127.0.0.1:1' });
  expect([await ask(service), await ask(service), await ask(service), await ask(service)]).toEqual([
    200, 200, 200, 429,
  ]);
});

it('the limit is written as calls in seconds', () => {
  expect(rateLimitOf('1000/10')).toEqual({ calls: 1000, seconds: 10 });
  expect(rateLimitOf('')).toBeUndefined();
  for (const text of ['1000', '0/1', '1/0', '10/s', '-1/2', '1e3/1'])
    expect(() => rateLimitOf(text)).toThrow(`\`${text}\` is no rate limit`);
});
