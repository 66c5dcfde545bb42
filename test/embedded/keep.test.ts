import { openSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startEmbedded } from '../../src/embedded/index.js';
import type { Embedded, Keeper } from '../../src/embedded/index.js';
import { keepRunning } from '../../src/embedded/keep.js';
import type { Held } from '../../src/embedded/server.js';
import { readState } from '../../src/embedded/state.js';
import type { MusterError } from '../../src/errors/index.js';
import { afterFile } from '../support/cleanup.js';
import { temporaryFolder, usedFolder } from './places.js';
import { eventually, processesOf, starter } from './starters.js';

/** A keeper that writes down what it hears. */
function listener(): { keeper: Keeper; heard: string[]; took: number[]; lost: MusterError[] } {
  const heard: string[] = [];
  const took: number[] = [];
  const lost: MusterError[] = [];
  const keeper: Keeper = {
    ended: (server) => heard.push(`${server} ended`),
    answers: (server, ms) => {
      heard.push(`${server} answers`);
      took.push(ms);
    },
    lost: (error) => lost.push(error),
  };
  return { keeper, heard, took, lost };
}

async function started(folder: string, keeper: Keeper): Promise<Embedded> {
  const servers = await startEmbedded({ dataDir: folder, postgres: true, redis: true, keeper });
  afterFile(() => servers.stop());
  return servers;
}

async function withPostgres<T>(url: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('Postgres and Redis that are killed answer again on their old addresses within 5 s, with what was committed', async () => {
  const folder = await usedFolder();
  const { keeper, heard, took } = listener();
  const servers = await started(folder, keeper);
  const { databaseUrl, redisUrl = '' } = servers;
  await withPostgres(databaseUrl, (client) => client.query('CREATE TABLE kept AS SELECT 42 AS answer'));
  const before = readState(folder);

  process.kill(before.postgres?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => heard).toEqual(['Postgres ended', 'Postgres answers']);
  const { rows } = await withPostgres(databaseUrl, (client) => client.query('SELECT answer FROM kept'));
  expect(rows).toEqual([{ answer: 42 }]);

  process.kill(before.redis?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => heard.slice(2)).toEqual(['Redis ended', 'Redis answers']);
  const redis = new Redis(redisUrl);
  expect(await redis.ping()).toBe('PONG');
  redis.disconnect();
  // Twice what is promised, because other tests share the processor.
  expect(Math.max(...took)).toBeLessThan(10_000);

  // What was started again stops as the first ones do.
  await servers.stop();
  await eventually(() => processesOf(folder).length === 0);
  expect(readState(folder)).toEqual({});
});

test('a session that computes on after its Postgres was killed does not hold up the new one', async () => {
  const folder = await usedFolder();
  const { keeper, heard } = listener();
  const { databaseUrl } = await started(folder, keeper);
  const pid = readState(folder).postgres?.pid ?? 0;
  await withPostgres(databaseUrl, async (busy) => {
    const endless = busy.query('DO $$ BEGIN LOOP END LOOP; END $$').catch(() => undefined);
    await withPostgres(databaseUrl, (client) =>
      eventually(async () => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%'`,
        );
        return rowCount === 1;
      }),
    );
    process.kill(pid, 'SIGKILL');
    await endless;
  });
  await expect.poll(() => heard).toEqual(['Postgres ended', 'Postgres answers']);
  await withPostgres(databaseUrl, (client) => client.query('SELECT 1'));
});

test('two processes that keep one server end up on one server again', async () => {
  const folder = temporaryFolder();
  const one = listener();
  const two = listener();
  const redis = { dataDir: folder, postgres: false, redis: true };
  const first = await startEmbedded({ ...redis, keeper: one.keeper });
  const second = await startEmbedded({ ...redis, keeper: two.keeper });
  const again = ['Redis ended', 'Redis answers'];
  process.kill(readState(folder).redis?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => [one.heard, two.heard]).toEqual([again, again]);
  expect(readState(folder).redis?.users).toHaveLength(2);
  // The one that stays has it still, whichever of them started it.
  await first.stop();
  const client = new Redis(second.redisUrl ?? '');
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
  await second.stop();
  await eventually(() => processesOf(folder).length === 0);
});

test('a server that is stopped is not started again, and without a keeper none is', async () => {
  const folder = temporaryFolder();
  const { keeper, heard } = listener();
  const servers = await startEmbedded({ dataDir: folder, postgres: false, redis: true, keeper });
  await servers.stop();
  await eventually(() => processesOf(folder).length === 0);
  expect(heard).toEqual([]);
  const other = await starter(folder, 'redis');
  process.kill(readState(folder).redis?.pid ?? 0, 'SIGKILL');
  await eventually(() => processesOf(folder).every(({ pid }) => pid === other.child.pid));
  expect(await other.finish()).toBe(0);
});

/** A server whose guard is gone. */
const dead = (): Held => ({
  name: 'redis',
  pid: 0,
  port: 1,
  hold: openSync('/dev/null', 'r'),
  started: true,
});

test.each([
  ['does not come up', () => Promise.reject(new Error('out of memory')), 'out of memory'],
  ['comes up and ends again and again', () => Promise.resolve(dead()), 'it ended again and again'],
])('a server that %s is given up after the last try, with the reason', async (_, again, reason) => {
  const folder = temporaryFolder();
  const { keeper, lost } = listener();
  let tries = 0;
  const counted = (): Promise<Held> => {
    tries += 1;
    return again();
  };
  const keeping = keepRunning(folder, { held: dead(), again: counted }, keeper, [0, 1, 2]);
  await expect.poll(() => lost).toHaveLength(1);
  await keeping.stop();
  expect(tries).toBe(3);
  expect(lost[0]?.code).toBe('embedded_lost');
  expect(lost[0]?.message).toBe(`the embedded Redis ended, and could not be started again: ${reason}`);
});
