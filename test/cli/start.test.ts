import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readState } from '../../src/embedded/state.js';
import { isObject } from '../../src/filter/values.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { muster, ownFolder, startMuster } from './muster.js';

/** The one line that a program waits for. */
async function ready(running: ReturnType<typeof startMuster>): Promise<Record<string, string>> {
  const line: unknown = JSON.parse(await running.until('\n'));
  if (!isObject(line)) throw new Error('the ready line is not an object');
  return Object.fromEntries(Object.entries(line).map(([key, value]) => [key, String(value)]));
}

it('start --json prints one line when the service answers, with keys that work; SIGTERM ends it with exit code 0', async () => {
  const { url, pool } = await testDatabase();
  const redis = await testRedis();
  const data = ownFolder();
  const running = startMuster(['start', '--port', '0', '--json'], {
    DATABASE_URL: url,
    REDIS_URL: redis.url,
    MUSTER_DATA: data,
  });
  const line = await ready(running);
  expect(Object.keys(line)).toEqual([
    'ready',
    'url',
    'workspace',
    'secret_key',
    'write_key',
    'database_url',
    'redis_url',
  ]);
  expect(line).toMatchObject({ ready: 'true', workspace: 'sample', database_url: url, redis_url: redis.url });
  expect(line['url']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

  const call = async (path: string, key: string | undefined, body: unknown): Promise<unknown> => {
    const response = await fetch(`${line['url']}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const everyone = { filter: { everyone: true }, sample: 0 };
  expect(await call('/api/audiences/preview', line['secret_key'], everyone)).toMatchObject({ count: 300 });
  expect(await call('/api/audiences/preview', line['write_key'], everyone)).toMatchObject({
    error: { code: 'key_not_allowed' },
  });
  expect(
    await call('/api/sdk/users/identify', line['write_key'], { user_id: 'new', traits: { name: 'Kim' } }),
  ).toMatchObject({
    created: true,
  });

  // The welcome series delivers because of that call, through the outbox, Redis and the worker of this process.
  const inbox = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ text: string }>(
      'SELECT m.text FROM inbox_messages m JOIN end_users u ON u.id = m.end_user_id WHERE u.user_id = $1',
      ['new'],
    );
    return rows.map(({ text }) => text);
  };
  await expect
    .poll(inbox, { interval: 50 })
    .toEqual(['Hello Kim, as a new member you may want to begin with the tour.']);

  const keys = join(data, 'keys.json');
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  expect(readFileSync(keys, 'utf8')).toContain(line['secret_key']);

  const { code, out, err } = await running.end('SIGTERM');
  expect(code).toBe(0);
  expect(out.trimEnd().split('\n')).toHaveLength(1);
  expect(err).not.toContain('"level":50');
});

it('start shows the main job, a second process uses its servers, and a second start finds the people and keys again', async () => {
  const data = ownFolder();
  const first = startMuster(['start', '--port', '0'], { MUSTER_DATA: data, NO_COLOR: '1' });
  const shown = await first.until('Ctrl-C stops everything');
  expect(shown).toContain('300 people imported in the workspace sample');
  expect(shown).toMatch(/signed_up_at is in the last 30 days\n\n +\d+ people match/);
  expect(shown).toMatch(
    /Each condition alone\n +\d+ {3}signed_up_at is in the last 30 days\n +\d+ {3}role is "admin"/,
  );
  expect(shown).toMatch(
    /does not match[^]*✗ role is "admin"\n +seen "Admin" {3}wanted "admin"\n +case_mismatch/,
  );
  expect(shown).toMatch(
    /visitor-[0-9a-f]+ is identified[^]*series welcome, channel log\n +Welcome, Robin Vega!/,
  );
  expect(shown).toMatch(/series welcome, channel inbox\n +Your first steps\n/);
  expect(shown).not.toContain('\u001b');
  const key = /secret key +(mk_secret_sample_\w+)/.exec(shown)?.[1];
  expect(key).toBeDefined();

  const second = await muster(['preview', '{"everyone": true}', '--json', '--sample', '0'], {
    MUSTER_DATA: data,
  });
  expect([second.code, second.err]).toEqual([0, '']);
  expect(JSON.parse(second.out)).toMatchObject({ count: 301 });
  const ended = await first.end('SIGINT');
  expect(ended.code).toBe(0);
  expect(ended.out).toContain('stopping');

  const again = startMuster(['start', '--port', '0'], { MUSTER_DATA: data, NO_COLOR: '1' });
  const shownAgain = await again.until('Ctrl-C stops everything');
  expect(shownAgain).toContain('301 people found again');
  expect(shownAgain).toContain(key);
  // The tour adds a person each time, and none to the audience that it counts.
  const admins = /people match[^]*?Each condition alone[^]*?\n +(\d+) {3}role is "admin"/;
  expect(admins.exec(shownAgain)?.[1]).toBe(admins.exec(shown)?.[1]);
  expect(admins.exec(shown)?.[1]).toMatch(/^\d+$/);
  expect((await again.end('SIGINT')).code).toBe(0);
});

it('start --no-sample leaves the workspace empty', async () => {
  const { url, pool } = await testDatabase();
  const redis = await testRedis();
  const running = startMuster(['start', '--port', '0', '--no-sample', '--json'], {
    DATABASE_URL: url,
    REDIS_URL: redis.url,
    MUSTER_DATA: ownFolder(),
  });
  await ready(running);
  expect((await pool.query('SELECT 1 FROM end_users UNION ALL SELECT 1 FROM series')).rows).toEqual([]);
  expect((await running.end('SIGHUP')).code).toBe(0);
});

it('a signal while the start is still opening stops everything too', async () => {
  const data = ownFolder();
  // What is being opened is opened first, which a busy machine may take longer over than the usual deadline allows.
  const running = startMuster(['start', '--port', '0', '--json', '--drain', '60'], { MUSTER_DATA: data });
  await expect.poll(() => existsSync(join(data, 'run.json')), { interval: 20 }).toBe(true);
  const { code, out } = await running.end('SIGTERM');
  expect([code, out]).toEqual([0, '']);
});

it('an embedded Postgres or Redis that is killed under a running start comes back, and the log says so', async () => {
  const data = ownFolder();
  const running = startMuster(['start', '--port', '0', '--no-sample', '--json'], { MUSTER_DATA: data });
  const { url, secret_key: key } = await ready(running);
  const answers = async (): Promise<unknown> => {
    const [{ status }, identified] = await Promise.all([
      fetch(`${url}/readyz`),
      fetch(`${url}/api/sdk/users/identify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: '{"user_id": "ada"}',
      }),
    ]);
    return [status, identified.status];
  };
  for (const name of ['postgres', 'redis'] as const) {
    const server = name === 'redis' ? 'Redis' : 'Postgres';
    process.kill(readState(data)[name]?.pid ?? 0, 'SIGKILL');
    await expect
      .poll(() => running.written.err, { interval: 50 })
      .toContain(`the embedded ${server} answers again`);
    expect(running.written.err).toContain(`the embedded ${server} ended; starting it again`);
    await expect.poll(answers, { interval: 50 }).toEqual([200, 200]);
  }
  expect((await running.end('SIGTERM')).code).toBe(0);
});
