import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { refuseConsole } from './console.js';
import { testDatabase } from './database.js';
import { refuseLeftovers, running } from './leftovers.js';
import { borrowDatabase } from './redis-borrowed.js';
import { testRedis } from './redis.js';

test('two databases of one file know nothing of each other', async () => {
  const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
  await one.pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('only-here', 'x')`);
  expect((await two.pool.query('SELECT FROM workspaces')).rowCount).toBe(0);
});

test('writing to the console fails a test', () => {
  // oxlint-disable-next-line no-console -- it is what is tested
  console.log('some', 'noise');
  expect(refuseConsole).toThrow('console.log: some noise');
  expect(refuseConsole).not.toThrow();
});

test('a server, a connection or a process that a file leaves running fails it', async () => {
  const before = running();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  await expect(refuseLeftovers(before, 50)).rejects.toThrow(/left running: 1 TCPServerWrap/);
  server.close();
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  child.unref();
  await expect(refuseLeftovers(before, 50)).rejects.toThrow(/left running: process \d+ \(sleep 60\)/);
  child.kill('SIGKILL');
  await refuseLeftovers(before);
});

test.skipIf(inject('servers').redisUrl)(
  'on a given Redis each file gets an empty database, and never one in use',
  async () => {
    const { url } = await testRedis();
    const somebodys = new Redis(`${url}/1`);
    await somebodys.set('precious', 'data');
    const one = await borrowDatabase(url);
    const two = await borrowDatabase(url);
    expect([one.url, two.url]).toEqual([`${url}/2`, `${url}/3`]);
    await one.giveBack();
    await two.giveBack();
    expect(await somebodys.get('precious')).toBe('data');
    expect((await borrowDatabase(url)).url).toBe(`${url}/2`);
    somebodys.disconnect();
  },
);
