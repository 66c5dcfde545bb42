import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { openPool } from '../../src/database/pool.js';
import { refuse } from '../../src/errors/index.js';
import { openLane } from '../../src/server/lanes.js';
import { testDatabase } from '../support/database.js';
import { afterFile } from '../support/cleanup.js';
import { startService } from './service.js';
import type { Answer, Service } from './service.js';

let pool: Pool;
let service: Service;
let other: Service;

beforeAll(async () => {
  const database = await testDatabase();
  pool = database.pool;
  const own = await openPool(database.url, { connectTimeout: 1000 });
  afterFile(() => own.end());
  service = await startService(own, 'acme');
  other = await startService(own, 'globex');
});

const everyone = { filter: { everyone: true } };

/** Looks at audiences wait for this lock until the work is over. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN; LOCK TABLE events');
    await work();
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

const ofEvents = { filter: { did: { event: 'opened' } } };
const waitingForLock = async (): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  );
  return rows[0]?.count ?? 0;
};

it('dozens of slow previews and reports leave connections to ingest, and to another workspace a place', async () => {
  const answers: Promise<Answer>[] = [];
  await whileLocked(async () => {
    for (let call = 0; call < 12; call += 1)
      answers.push(service.call('POST', `/api/audiences/${call % 2 === 0 ? 'preview' : 'report'}`, ofEvents));
    await expect.poll(waitingForLock).toBe(2);
    for (let call = 0; call < 20; call += 1) {
      const user = { user_id: `u${call}`, traits: { n: call } };
      expect((await service.call('POST', '/api/sdk/users/identify', user)).status).toBe(200);
    }
    // The third place is never taken by one workspace alone.
    expect((await other.call('POST', '/api/audiences/preview', everyone)).status).toBe(200);
    const refused = await Promise.all(answers.slice(2));
    for (const { status, body, headers } of refused) {
      expect([status, body.error?.code, headers.get('retry-after')]).toEqual([429, 'audience_busy', '5']);
    }
  });
  expect((await Promise.all(answers.slice(0, 2))).map(({ status }) => status)).toEqual([200, 200]);
});

it('every look at an audience is in the lane', async () => {
  await whileLocked(async () => {
    const running = [1, 2].map(() => service.call('POST', '/api/audiences/preview', ofEvents));
    void Promise.allSettled(running);
    await expect.poll(waitingForLock).toBe(2);
    const series = { key: 's', name: 'S', trigger: { type: 'user_created' }, steps: [] };
    const calls: [string, string, unknown?][] = [
      ['POST', '/api/audiences/explain', { ...everyone, user_id: 'u1' }],
      ['POST', '/api/segments/x/diff', everyone],
      ['PUT', '/api/segments/x', { name: 'X', ...everyone }],
      ['GET', '/api/segments/x/members'],
      ['GET', '/api/series/s/report'],
      ['POST', '/api/series/s/diff', series],
      ['POST', '/api/broadcasts/b/preview', {}],
      ['GET', '/api/broadcasts/b/report'],
      ['POST', '/api/templates/check', { template: { text: 'x' } }],
    ];
    const codes = await Promise.all(
      calls.map(async ([method, path, body]) => (await service.call(method, path, body)).body.error?.code),
    );
    expect(codes).toEqual(calls.map(() => 'audience_busy'));
  });
});

it('a lane starts who waits in order, and gives back a place whatever happens to the work', async () => {
  const lane = openLane({ most: 2, waitMs: 10_000, refuse: () => refuse('audience_busy', { seconds: 1 }) });
  const order: string[] = [];
  const started = (name: string, workspaceId: string, failing = false): Promise<void> =>
    lane.run(workspaceId, async () => {
      order.push(name);
      await sleep(1);
      if (failing) throw new Error('failed');
    });
  const all = [
    started('a1', 'a', true),
    started('a2', 'a'),
    started('a3', 'a'),
    started('b1', 'b'),
    started('b2', 'b'),
  ];
  await Promise.allSettled(all);
  expect(order).toEqual(
    ['a1', 'b1', 'a2', 'a3', 'b2'].toSorted((x, y) => order.indexOf(x) - order.indexOf(y)),
  );
  expect(order.slice(0, 2)).toEqual(['a1', 'b1']);
  expect(order.indexOf('a2')).toBeLessThan(order.indexOf('a3'));
});
