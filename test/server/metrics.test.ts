import { beforeAll, expect, it } from 'vitest';
import { DeliveryRefused, saveSeries, startAutomation } from '../../src/automation/index.js';
import type { Automation, Channel } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { automationChecks } from '../../src/server/automation-checks.js';
import { openMetrics } from '../../src/server/metrics/registry.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
let guarded: Service;
let automation: Automation;
const picky: Channel = {
  name: 'log',
  onLostConfirmation: 'retry_same_key',
  async deliver({ userId }) {
    if (userId === 'refused') throw new DeliveryRefused('no such address');
  },
};

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const redis = await testRedis();
  const metrics = openMetrics(pool, { ofProcess: true, health: () => automation.health() });
  automation = await startAutomation({
    pool,
    redisUrl: redis.url,
    channels: [picky],
    canaryEvery: 50,
    reconcileEvery: 50,
    observe: metrics.observer,
  });
  afterFile(() => automation.stop());
  service = await startService(pool, 'acme', { metrics, checks: automationChecks(automation) });
  guarded = await startService(pool, 'acme', { metricsToken: 'let me in' });
  await saveSeries(pool, 'acme', {
    key: 'welcome',
    name: 'Welcome',
    trigger: { type: 'user_created' },
    entry: 'once',
    steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'Hello' } }],
  });
});

async function scrape(
  from: Service,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${from.url}/metrics`, { headers });
  return { status: response.status, text: await response.text() };
}

/** The samples of a scrape, by name and labels. */
async function samples(): Promise<Map<string, number>> {
  const { text } = await scrape(service);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** A reading is shared for a second, so that what changed is seen at one of the next ones. */
async function eventually(name: string, holds: (value: number) => boolean): Promise<void> {
  await expect.poll(async () => holds((await samples()).get(name) ?? NaN), { interval: 50 }).toBe(true);
}

it('deliveries are counted by channel and result, calls by route, and steps by how late they began', async () => {
  for (const user_id of ['a', 'b', 'refused']) {
    await service.call('POST', '/api/sdk/users/identify', { user_id });
  }
  await service.call('GET', '/api/users/a');
  await automation.idle();
  const found = await samples();
  expect(found.get('muster_deliveries_total{channel="log",result="delivered"}')).toBe(2);
  expect(found.get('muster_deliveries_total{channel="log",result="refused"}')).toBe(1);
  expect(found.get('muster_delivery_duration_seconds_count{channel="log"}')).toBe(3);
  expect(found.get('muster_step_lateness_seconds_count')).toBe(3);
  const count = 'muster_http_request_duration_seconds_count';
  expect(found.get(`${count}{method="POST",route="/api/sdk/users/identify",status="200"}`)).toBe(3);
  expect(found.get(`${count}{method="GET",route="/api/users/:user_id",status="200"}`)).toBe(1);
  expect(found.get('muster_database_connections{state="open"}')).toBeGreaterThan(0);
  expect(found.get('process_cpu_seconds_total')).toBeGreaterThan(0);
});

it('what waits, what was given up and what stands still are told as they are', async () => {
  await eventually('muster_work_failed', (value) => value === 1);
  await eventually('muster_canary_age_seconds', (value) => value < 20);
  const calm = await samples();
  expect(calm.get('muster_redis_state{state="ok"}')).toBe(1);
  expect(calm.get('muster_redis_state{state="evicting"}')).toBe(0);
  expect(calm.get('muster_webhook_endpoints{state="failing"}')).toBe(0);
  expect(calm.get('muster_database_up')).toBe(1);
  for (const loop of ['intake', 'relay', 'sweep'])
    expect(calm.get(`muster_loop_age_seconds{loop="${loop}"}`)).toBeLessThan(20);

  await pool.query(
    `INSERT INTO outbox (workspace_id, kind, retry_at, created_at, parked)
     SELECT 'acme', 'user_updated', now() + interval '1 day', now() - interval '1 hour', n > 2 FROM generate_series(1, 3) AS n`,
  );
  // Somebody inside for whom nothing is planned, as no transaction of ours leaves them.
  await pool.query(
    `UPDATE enrollments SET state = 'active', step = 'hello', visit = 1, reason = NULL, finished_at = NULL
     WHERE id = (SELECT max(id) FROM enrollments)`,
  );
  await eventually('muster_reconciler_findings_total{finding="stranded"}', (value) => value === 1);
  await eventually('muster_outbox_depth', (value) => value === 2);
  const held = await samples();
  expect(held.get('muster_outbox_parked')).toBe(1);
  expect(held.get('muster_outbox_oldest_seconds')).toBeGreaterThan(3500);
  await pool.query('DELETE FROM outbox');
});

it('no label names a person, a workspace or an id, and an unknown address is one route', async () => {
  await service.call('GET', '/nowhere/a-person');
  await service.call('GET', '/nowhere/another');
  const { text } = await scrape(service);
  expect(text).not.toMatch(/acme|a-person|another|[0-9a-f]{8}-[0-9a-f]{4}/);
  expect(text).toContain('route="none",status="404"} 2');
});

it('figures are given to this machine, not through a proxy, and with a token to whoever has it', async () => {
  expect((await scrape(service)).status).toBe(200);
  for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
    const passedOn = await scrape(service, { [header]: '203.0.113.9' });
    expect([header, passedOn.status]).toEqual([header, 403]);
    expect(passedOn.text).toContain('metrics_not_open');
  }
  const asked = [
    {},
    { authorization: 'Bearer let me out' },
    { authorization: `Bearer ${guarded.secretKey}` },
    { authorization: 'Bearer ' },
  ];
  for (const headers of asked) expect((await scrape(guarded, headers)).status).toBe(401);
});

it('a token is one word, and opens', async () => {
  const open = await startService(pool, 'acme', { metricsToken: 's3cret' });
  expect(
    (await scrape(open, { authorization: 'Bearer s3cret', 'x-forwarded-for': '203.0.113.9' })).status,
  ).toBe(200);
});

it('readyz asks whether jobs come through, and says since when they do not', async () => {
  await expect.poll(async () => (await service.call('GET', '/readyz')).status).toBe(200);
  const health = await automation.health();
  const checks = automationChecks({
    health: async () => ({ ...health, canaryAgeMs: 95_000, loops: { ...health.loops, relay: 31_000 } }),
  });
  const still = await startService(pool, 'acme', { checks });
  const { status, body } = await still.call('GET', '/readyz');
  expect([status, body.error?.details]).toMatchObject([
    503,
    { checks: { database: 'ok', redis: 'ok', canary: 'came back 95 s ago', loops: 'stand still: relay' } },
  ]);
  const before = await startService(pool, 'acme', {
    checks: automationChecks({ health: async () => ({ ...health, canaryAgeMs: null, redis: 'away' }) }),
  });
  expect((await before.call('GET', '/readyz')).body.error?.details).toMatchObject({
    checks: { redis: 'cannot be reached', canary: 'has not come back yet' },
  });
});
