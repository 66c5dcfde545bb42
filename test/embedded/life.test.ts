import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startEmbedded, startPostgres } from '../../src/embedded/index.js';
import { isAlive } from '../../src/embedded/processes.js';
import { redisPid } from '../../src/embedded/redis-probe.js';
import { readState } from '../../src/embedded/state.js';
import { temporaryFolder, usedFolder } from './places.js';
import { eventually, processesOf, starter } from './starters.js';

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
    return rows.flat();
  } finally {
    await client.end();
  }
}

test('a parent killed with SIGKILL leaves no server and no guard behind', async () => {
  const folder = await usedFolder();
  const { child } = await starter(folder, 'postgres', 'redis');
  const { postgres, redis } = readState(folder);
  const pids = [postgres?.pid ?? 0, redis?.pid ?? 0];
  expect(pids.map(isAlive)).toEqual([true, true]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await eventually(() => !pids.some(isAlive) && processesOf(folder).length === 0);
  expect(readFileSync(join(folder, 'postgres.log'), 'utf8')).toContain('database system is shut down');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'a parent ended by %s leaves nothing behind',
  async (signal) => {
    const folder = temporaryFolder();
    const { child } = await starter(folder, 'redis');
    child.kill(signal);
    await once(child, 'exit');
    await eventually(() => processesOf(folder).length === 0);
    expect(processesOf(folder)).toEqual([]);
  },
);

test('what was written is there after the parent was killed and another one started', async () => {
  const folder = await usedFolder();
  const first = await starter(folder, 'postgres');
  await ask(first.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
  first.child.kill('SIGKILL');
  // Not waited for: the next start must cope with a server that is just going down.
  const second = await startPostgres({ dataDir: folder });
  expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([42]);
  await second.stop();
});

test('stop() returns after the servers are gone', async () => {
  const folder = await usedFolder();
  const servers = await startEmbedded({ dataDir: folder, postgres: true, redis: true });
  const { postgres, redis } = readState(folder);
  await servers.stop();
  await servers.stop();
  expect([postgres, redis].map((server) => isAlive(server?.pid ?? 0))).toEqual([false, false]);
  expect(readState(folder)).toEqual({});
});

test('a second process uses the servers that run, and does not stop them', async () => {
  const folder = await usedFolder();
  const first = await startEmbedded({ dataDir: folder, postgres: true, redis: true });
  const second = await starter(folder, 'postgres', 'redis');
  expect(second.databaseUrl).toBe(first.databaseUrl);
  expect(second.redisUrl).toBe(first.redisUrl);
  expect(await second.finish()).toBe(0);
  expect(await ask(first.databaseUrl ?? '', 'SELECT 1')).toEqual([1]);
  await first.stop();
  await eventually(() => processesOf(folder).length === 0);
});

test('the servers outlive the process that started them while another one uses them', async () => {
  const folder = await usedFolder();
  const first = await starter(folder, 'postgres', 'redis');
  const second = await startEmbedded({ dataDir: folder, postgres: true, redis: true });
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await ask(second.databaseUrl ?? '', 'SELECT 1')).toEqual([1]);
  const password = new URL(second.redisUrl ?? '').password;
  expect(await redisPid(Number(new URL(second.redisUrl ?? '').port), password)).toBe(
    readState(folder).redis?.pid,
  );
  await second.stop();
  await eventually(() => processesOf(folder).length === 0);
});

test('processes that start at the same time end up on one server', async () => {
  const folder = await usedFolder();
  const all = await Promise.all([
    starter(folder, 'postgres', 'redis'),
    starter(folder, 'postgres', 'redis'),
    startEmbedded({ dataDir: folder, postgres: true, redis: true }),
    startEmbedded({ dataDir: folder, postgres: true, redis: true }),
  ]);
  expect(new Set(all.map(({ databaseUrl }) => databaseUrl)).size).toBe(1);
  expect(new Set(all.map(({ redisUrl }) => redisUrl)).size).toBe(1);
  const [first, second, third, fourth] = all;
  await Promise.all([first.finish(), second.finish(), third.stop(), fourth.stop()]);
  await eventually(() => processesOf(folder).length === 0);
});

test('a server whose guard was killed is stopped and started anew, with its data', async () => {
  const folder = await usedFolder();
  const first = await starter(folder, 'postgres', 'redis');
  await ask(first.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const before = readState(folder);
  for (const { pid, command } of processesOf(folder))
    if (command.includes('muster-guard')) process.kill(pid, 'SIGKILL');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(isAlive(before.postgres?.pid ?? 0)).toBe(true);

  const second = await startEmbedded({ dataDir: folder, postgres: true, redis: true });
  expect(readState(folder).postgres?.pid).not.toBe(before.postgres?.pid);
  expect(await ask(second.databaseUrl ?? '', 'SELECT answer FROM kept')).toEqual([42]);
  expect(isAlive(before.redis?.pid ?? 0)).toBe(false);
  await second.stop();
  await eventually(() => processesOf(folder).length === 0);
});

test('a process id in the state that belongs to a stranger by now is left alone', async () => {
  const folder = await usedFolder();
  const first = await startPostgres({ dataDir: folder });
  await first.stop();
  const stranger = { pid: process.pid, port: first.port, folder: first.data, users: [process.pid] };
  writeFileSync(join(folder, 'run.json'), JSON.stringify({ postgres: stranger }));
  writeFileSync(
    join(first.data, 'postmaster.pid'),
    `${process.pid}\n${first.data}\n0\n${first.port}\n\n\n\nready\n`,
  );
  const second = await startPostgres({ dataDir: folder });
  expect(await ask(second.url, 'SELECT 1')).toEqual([1]);
  await second.stop();
});

test.each(['', '{', '[]', '{"postgres": {"pid": "1"}}'])(
  'a damaged run.json (%j) is as good as none',
  async (text) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'run.json'), text);
    const servers = await startEmbedded({ dataDir: folder, postgres: false, redis: true });
    expect(servers.redisUrl).toMatch(/^redis:/);
    await servers.stop();
  },
);
