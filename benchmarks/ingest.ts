import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import fastify from 'fastify';
import type { Pool } from 'pg';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { buildServer } from '../src/server/build.js';
import { newKey, storeKey } from '../src/server/keys.js';
import { post } from './post.js';
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

type Kind = 'identify' | 'batch' | 'segment';

interface Job {
  readonly url: string;
  readonly key: string;
  readonly kind: Kind;
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

/** What a call sends: one person, or a batch in the one shape or the other. */
function bodyOf(kind: Kind, ids: readonly number[], turn: number): string {
  if (kind === 'segment') {
    const batch = ids.map((id) => ({ type: 'identify', userId: `user-${id}`, traits: traitsOf(id, turn) }));
    return JSON.stringify({ batch, sentAt: new Date().toISOString() });
  }
  const users = ids.map((id) => ({ user_id: `user-${id}`, traits: traitsOf(id, turn) }));
  return JSON.stringify(kind === 'batch' ? { users } : users[0]);
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
        { length: kind === 'identify' ? 1 : batchSize },
        (_, at) => (turn * batchSize + at) % people,
      );
      const body = bodyOf(kind, ids, turn);
      const started = performance.now();
      await post(agent, url, key, body);
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
    perSecond: (times.length * (kind === 'identify' ? 1 : batchSize)) / elapsed,
    p50: at(0.5),
    p99: at(0.99),
  };
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

/** Sends people of whom nobody is there and looks them up: half of a stored row would be fast, and wrong. */
async function expectStored(pool: Pool, url: string, key: string, kind: Kind): Promise<void> {
  await pool.query('TRUNCATE end_users, outbox, traits, trait_types, trait_changes CASCADE');
  const agent = new Agent();
  const ids = Array.from({ length: kind === 'identify' ? 1 : batchSize }, (_, id) => id);
  // Twice, because the second time is another path: then everybody is there.
  for (const turn of [1, 2]) await post(agent, url, key, bodyOf(kind, ids, turn));
  agent.destroy();
  const { rows } = await pool.query<{ user_id: string; traits: unknown }>(
    `SELECT user_id, custom_fields || jsonb_build_object('name', name, 'email', email) AS traits FROM end_users
     WHERE workspace_id = $1 AND last_seen IS NOT NULL IS DISTINCT FROM $2`,
    [workspace, kind === 'batch' && url.endsWith('/api/users/batch')],
  );
  const stored = new Map(rows.map(({ user_id, traits }) => [user_id, traits]));
  const wrong = ids.filter((id) => !isDeepStrictEqual(stored.get(`user-${id}`), traitsOf(id, 2)));
  if (stored.size !== ids.length || wrong.length > 0)
    throw new Error(`${url} stored ${stored.size} people, ${wrong.length} of them wrong`);
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: true });
  const pool = await openPool(embedded.databaseUrl ?? '', { max: 20 });
  const caller = fork(fileURLToPath(import.meta.url), ['--caller']);
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
      { kind: 'segment', path: '/v1/batch', connections: 4, goal: 40 },
    ] as const) {
      const seconds = Number(options.seconds);
      const sides = {
        bare: `${bare.url}/${kind === 'identify' ? kind : 'batch'}`,
        muster: `${muster}${path}`,
      };
      // The bare route takes one shape of batch, whichever the other side is sent.
      const kinds = { bare: kind === 'identify' ? kind : 'batch', muster: kind } as const;
      for (const side of ['bare', 'muster'] as const) await expectStored(pool, sides[side], key, kinds[side]);
      const told: Record<keyof typeof sides, Told[]> = { bare: [], muster: [] };
      for (let round = -1; round < Number(options.rounds); round += 1) {
        for (const side of ['bare', 'muster'] as const) {
          const answer = await ask({
            url: sides[side],
            key,
            kind: kinds[side],
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
          what: `${path}, ${side}`,
          connections,
          'people/s': Math.round(middle(side, 'perSecond')),
          'p50 ms': middle(side, 'p50'),
          'p99 ms': middle(side, 'p99'),
          '% of bare': side === 'bare' ? '' : share,
          goal: side === 'bare' ? '' : `>= ${goal} %`,
          reached:
            side === 'bare'
              ? ''
              : share >= goal || (kind !== 'identify' && middle(side, 'perSecond') >= 10_000),
        });
      }
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
