import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import fastify from 'fastify';
import type { Pool } from 'pg';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { buildServer } from '../src/server/build.js';
import { newKey, storeKey } from '../src/server/keys.js';
import { median, printTable } from './table.js';
import type { Row } from './table.js';

/**
 * Ingest over HTTP against bare Fastify routes that upsert the same rows into the same table, with its indexes, in one
 * statement. The callers are a process of their own; the two servers are asked in turn. Every answer must be 200, and the
 * rows are counted afterwards. The goals: identify at half the bare rate or more, a batch at 40 % or 10,000 people a second.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    caller: { type: 'boolean', default: false },
  },
});

interface Job {
  readonly url: string;
  readonly key: string;
  readonly kind: 'identify' | 'batch';
  readonly connections: number;
  readonly seconds: number;
}

interface Told {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const workspace = 'bench';
const people = 10_000;
const batchSize = 500;

const traitsOf = (id: number, turn: number): Record<string, unknown> => ({
  name: `Person ${id}`,
  email: `p${id}@example.com`,
  role: id % 10 === 0 ? 'admin' : 'member',
  plan: 'pro',
  seats: (id * 31 + turn) % 100,
});

if (options.caller) {
  process.on('message', (job: Job) => {
    void call(job).then((told) => process.send?.(told));
  });
} else {
  await main();
}

/** Keeps the connections busy for the time and says how many people a second were taken, and how long a call took. */
async function call({ url, key, kind, connections, seconds }: Job): Promise<Told> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let turn = 0;
  const until = performance.now() + seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      turn += 1;
      const ids = Array.from(
        { length: kind === 'batch' ? batchSize : 1 },
        (_, at) => (turn * batchSize + at) % people,
      );
      const users = ids.map((id) => ({ user_id: `user-${id}`, traits: traitsOf(id, turn) }));
      const started = performance.now();
      await post(agent, url, key, JSON.stringify(kind === 'batch' ? { users } : users[0]));
      times.push(performance.now() - started);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, loop));
  const elapsed = (performance.now() - started) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return {
    perSecond: (times.length * (kind === 'batch' ? batchSize : 1)) / elapsed,
    p50: at(0.5),
    p99: at(0.99),
  };
}

async function post(agent: Agent, url: string, key: string, body: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** What anybody would write first: one prepared statement a call, no checks, no outbox, no catalogue. */
async function bareServer(pool: Pool): Promise<{ url: string; close: () => Promise<void> }> {
  const app = fastify();
  const columns = `(workspace_id, user_id, name, email, custom_fields, first_seen, last_seen)`;
  const merge = `ON CONFLICT (workspace_id, user_id) DO UPDATE SET name = excluded.name, email = excluded.email,
    custom_fields = end_users.custom_fields || excluded.custom_fields, last_seen = excluded.last_seen`;
  app.post<{ Body: { user_id: string; traits: Record<string, unknown> } }>('/identify', async ({ body }) => {
    const { name, email, ...custom } = body.traits;
    const { rows } = await pool.query({
      name: 'bare-identify',
      text: `INSERT INTO end_users ${columns} VALUES ($1, $2, $3, $4, $5, now(), now()) ${merge} RETURNING *`,
      values: [workspace, body.user_id, name, email, JSON.stringify(custom)],
    });
    return { user: rows[0] as unknown };
  });
  app.post<{ Body: { users: { user_id: string; traits: Record<string, unknown> }[] } }>(
    '/batch',
    async ({ body }) => {
      const rows = body.users.map(({ user_id, traits: { name, email, ...custom } }) => ({
        user_id,
        name,
        email,
        custom,
      }));
      await pool.query({
        name: 'bare-batch',
        text: `INSERT INTO end_users ${columns} SELECT $1, user_id, name, email, custom, now(), now()
        FROM jsonb_to_recordset($2::jsonb) AS row(user_id text, name text, email text, custom jsonb) ${merge}`,
        values: [workspace, JSON.stringify(rows)],
      });
      return { taken: rows.length };
    },
  );
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, close: async () => app.close() };
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: true });
  const pool = await openPool(embedded.databaseUrl ?? '', { max: 20 });
  const caller = fork(fileURLToPath(import.meta.url), ['--caller'], { execArgv: ['--import', 'tsx'] });
  const ask = async (job: Job): Promise<Told> =>
    new Promise((resolve) => {
      caller.once('message', (told: Told) => resolve(told));
      caller.send(job);
    });
  const rows: Row[] = [];
  try {
    await migrate(pool);
    await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspace]);
    const key = newKey('secret', workspace);
    await storeKey(pool, { key, kind: 'secret', workspaceId: workspace });
    const redis = embedded.redisUrl === undefined ? {} : { redisUrl: embedded.redisUrl };
    const app = await buildServer({ pool, ...redis, rateLimit: { calls: 1e9, seconds: 10 } });
    const muster = await app.listen({ port: 0, host: '127.0.0.1' });
    const bare = await bareServer(pool);
    for (const { kind, path, connections, goal } of [
      { kind: 'identify', path: '/api/sdk/users/identify', connections: 50, goal: 50 },
      { kind: 'batch', path: '/api/users/batch', connections: 4, goal: 40 },
    ] as const) {
      const seconds = Number(options.seconds);
      const sides = { bare: `${bare.url}/${kind}`, muster: `${muster}${path}` };
      const told: Record<keyof typeof sides, Told[]> = { bare: [], muster: [] };
      for (let round = -1; round < Number(options.rounds); round += 1) {
        for (const side of ['bare', 'muster'] as const) {
          const answer = await ask({
            url: sides[side],
            key,
            kind,
            connections,
            seconds: round < 0 ? 1 : seconds,
          });
          if (round >= 0) told[side].push(answer);
        }
      }
      const middle = (side: keyof typeof sides, of: keyof Told): number =>
        median(told[side].map((each) => each[of]));
      const share = (middle('muster', 'perSecond') / middle('bare', 'perSecond')) * 100;
      for (const side of ['bare', 'muster'] as const) {
        rows.push({
          what: `${kind}, ${side}`,
          connections,
          'people/s': Math.round(middle(side, 'perSecond')),
          'p50 ms': middle(side, 'p50'),
          'p99 ms': middle(side, 'p99'),
          '% of bare': side === 'bare' ? '' : share,
          goal: side === 'bare' ? '' : `>= ${goal} %`,
          reached:
            side === 'bare' ? '' : share >= goal || (kind === 'batch' && middle(side, 'perSecond') >= 10_000),
        });
      }
      // Half of a stored row would be fast, and wrong.
      const { rows: stored } = await pool.query<{ count: string }>(
        `SELECT count(*) FROM end_users WHERE workspace_id = $1 AND custom_fields ?& ARRAY['role', 'plan', 'seats']`,
        [workspace],
      );
      if (Number(stored[0]?.count) === 0) throw new Error(`${kind}: nobody was stored whole`);
    }
    await bare.close();
    await app.close();
  } finally {
    caller.kill();
    await pool.end();
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  printTable(`Ingest over HTTP, medians of ${options.rounds} rounds in turn`, rows, options.json);
}
