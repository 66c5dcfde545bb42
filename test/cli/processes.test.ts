import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { beforeAll, expect, it } from 'vitest';
import { networkRules, saveEndpoint, saveSeries } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { isObject } from '../../src/filter/values.js';
import { newKey, storeKey } from '../../src/server/keys.js';
import { afterFile } from '../support/cleanup.js';
import { emptyDatabase, testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { muster, startMuster } from './muster.js';
import type { Running, Variables } from './muster.js';

let pool: Pool;
let servers: Variables;
const key = newKey('write', 'acme');

const hello = (step: string): object => ({
  type: 'send',
  key: step,
  channel: 'log',
  message: { text: `${step} {{ name|you }}` },
});

beforeAll(async () => {
  const database = await testDatabase();
  const redis = await testRedis();
  pool = database.pool;
  servers = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    MUSTER_LOG: 'info',
    MUSTER_WEBHOOK_NETWORKS: '127.0.0.0/8',
  };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('acme', 'Acme')`);
  await storeKey(pool, { key, kind: 'write', workspaceId: 'acme' });
  await saveEndpoint(pool, networkRules(['127.0.0.0/8']), {
    workspaceId: 'acme',
    key: 'receiver',
    url: await receiver(),
  });
  await saveSeries(pool, 'acme', {
    key: 'welcome',
    name: 'Welcome',
    trigger: { type: 'user_created' },
    entry: 'once',
    steps: [hello('first'), hello('second'), { type: 'webhook', key: 'told', endpoint: 'receiver' }],
  });
});

/** The ids of the webhooks that came in, in a process that no restart touches. */
const received: string[] = [];

/** A receiver that takes its time, so that there are always some on their way. */
async function receiver(): Promise<string> {
  const server = createServer((request, response) => {
    received.push(String(request.headers['webhook-id']));
    request.resume();
    setTimeout(() => response.end(), 150);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterFile(async () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return `http://127.0.0.1:${address.port}/`;
}

/** The line that a program waits for. */
async function ready(running: Running): Promise<Record<string, unknown>> {
  const line: unknown = JSON.parse(await running.until('\n'));
  if (!isObject(line)) throw new Error('the ready line is not an object');
  return line;
}

async function serve(...more: string[]): Promise<{ running: Running; url: string }> {
  const running = startMuster(['serve', '--port', '0', '--json', ...more], servers);
  return { running, url: String((await ready(running))['url']) };
}

async function worker(...more: string[]): Promise<{ running: Running; url: string }> {
  const running = startMuster(['worker', '--json', ...more], servers);
  return { running, url: String((await ready(running))['health_url']) };
}

async function identify(url: string, userId: string): Promise<number> {
  const response = await fetch(`${url}/api/sdk/users/identify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: userId }),
  });
  await response.text();
  return response.status;
}

const statusOf = async (address: string): Promise<number> => {
  const response = await fetch(address);
  await response.text();
  return response.status;
};

/** What the log channel wrote in these processes: `user step`, once for each call of the channel. */
function sentBy(...workers: { running: Running }[]): string[] {
  return workers.flatMap(({ running }) =>
    running.written.err.split('\n').flatMap((text) => {
      if (!text.includes('"delivery"')) return [];
      const line: unknown = JSON.parse(text);
      return isObject(line) ? [`${String(line['user'])} ${String(line['step'])}`] : [];
    }),
  );
}

const inside = async (): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT (SELECT count(*) FROM outbox)::integer
       + (SELECT count(*) FROM enrollments WHERE state = 'active')::integer AS count`,
  );
  return rows[0]?.count ?? 0;
};

it('serve answers and performs nothing; a worker performs it, and neither changes the schema', async () => {
  const api = await serve();
  expect(await identify(api.url, 'apart')).toBe(200);
  expect(await statusOf(`${api.url}/readyz`)).toBe(200);
  expect((await pool.query('SELECT 1 FROM outbox')).rowCount).toBe(1);

  const hands = await worker('--health-port', '0');
  expect(await statusOf(`${hands.url}/healthz`)).toBe(200);
  await expect.poll(inside, { interval: 20 }).toBe(0);
  expect(sentBy(hands)).toEqual(['apart first', 'apart second']);
  expect(received).toHaveLength(1);
  await expect.poll(() => statusOf(`${hands.url}/readyz`)).toBe(200);
  const figures = await (await fetch(`${hands.url}/metrics`)).text();
  expect(figures).toContain('muster_deliveries_total{channel="webhook",result="delivered"} 1');
  expect(await (await fetch(`${api.url}/metrics`)).text()).toContain('muster_outbox_depth 0');
  expect(await statusOf(`${hands.url}/api/traits`)).toBe(404);
  expect((await api.running.end('SIGINT')).code).toBe(0);
  expect((await hands.running.end('SIGTERM')).code).toBe(0);

  const bare = await emptyDatabase();
  for (const command of ['serve', 'worker']) {
    const ran = await muster([command, '--json'], { ...servers, DATABASE_URL: bare.url });
    expect([ran.code, JSON.parse(ran.err)]).toMatchObject([2, { error: { code: 'database_not_migrated' } }]);
  }
});

it('at SIGTERM serve refuses at /readyz first, still answers for the notice, finishes what it has begun, and ends with 0', async () => {
  const api = await serve('--drain', '60', '--notice', '5');
  // A call whose body is not there yet is under way.
  const { hostname, port } = new URL(api.url);
  const begun = connect(Number(port), hostname);
  afterFile(async () => void begun.destroy());
  const body = JSON.stringify({ user_id: 'slow' });
  let answer = '';
  begun.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  begun.write(
    `POST /api/sdk/users/identify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 5)}`,
  );
  const ended = api.running.end('SIGTERM');
  await expect.poll(() => statusOf(`${api.url}/readyz`), { interval: 5 }).toBe(503);
  expect(await identify(api.url, 'late')).toBe(200);
  // The door is closed when nobody can connect any more.
  await expect
    .poll(() => statusOf(`${api.url}/healthz`).catch(() => 'closed'), { interval: 20 })
    .toBe('closed');
  begun.write(body.slice(5));
  if (!begun.closed) await once(begun, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain('"user_id":"slow"');
  expect((await ended).code).toBe(0);
});

it('a stop that is not over at its deadline ends all the same, and a second signal ends it at once', async () => {
  for (const { drain, signals } of [
    { drain: '1', signals: 1 },
    { drain: '3600', signals: 2 },
  ]) {
    const api = await serve('--drain', drain, '--notice', '3600');
    const ended = api.running.end('SIGTERM');
    await expect.poll(() => statusOf(`${api.url}/readyz`).catch(() => 503), { interval: 5 }).toBe(503);
    // The same signal, passed on twice by a terminal and by npm, is one.
    const again = signals === 2 ? setInterval(() => api.running.kill('SIGTERM'), 100) : undefined;
    const { code } = await ended;
    clearInterval(again);
    expect(code).toBe(signals === 2 ? 143 : 0);
  }
});

it('two workers restarted one after the other while people come in lose nobody and send nothing twice', async () => {
  const api = await serve();
  const workers = [await worker('--drain', '60'), await worker('--drain', '60')];
  const all = [...workers];
  const restarted = new AbortController();
  const names: string[] = [];
  const coming = (async () => {
    while (!restarted.signal.aborted || names.length < 60) {
      const some = Array.from({ length: 5 }, (_, each) => `p${names.length + each}`);
      const answers = await Promise.all(some.map((name) => identify(api.url, name)));
      expect(new Set(answers)).toEqual(new Set([200]));
      names.push(...some);
    }
  })();
  for (const at of [0, 1]) {
    const before = names.length;
    await expect.poll(() => names.length, { interval: 5 }).toBeGreaterThan(before + 10);
    const ended = await workers[at]?.running.end('SIGTERM');
    // Not 0 when the deadline was over before the last step was.
    expect(ended?.code).toBe(0);
    workers[at] = await worker('--drain', '60');
    all.push(workers[at]);
  }
  restarted.abort();
  await coming;
  await expect.poll(inside, { interval: 50 }).toBe(0);
  const expected = names.flatMap((name) => [`${name} first`, `${name} second`]);
  expect(
    sentBy(...all)
      .filter((line) => line.startsWith('p'))
      .toSorted(),
  ).toEqual(expected.toSorted());
  const delivered = await pool.query<{ id: string }>(
    `SELECT d.id FROM deliveries d JOIN end_users u ON u.id = d.end_user_id
     WHERE d.channel = 'webhook' AND u.user_id = ANY ($1)`,
    [names],
  );
  const ids = delivered.rows.map(({ id }) => id);
  expect(ids).toHaveLength(names.length);
  expect(received.filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted());
  for (const { running } of [...workers, api]) expect((await running.end('SIGTERM')).code).toBe(0);
});
