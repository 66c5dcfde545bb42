import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPostgres } from '../../src/embedded/index.js';
import { freePort } from '../../src/embedded/ports.js';
import { temporaryFolder, usedFolder } from './places.js';
import { containing, matching } from '../support/matchers.js';

async function one(url: string, text: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query({ text, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const finish = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}

test('a new folder gets a UTF8 database that orders text by code point, in a folder nobody else can read', async () => {
  const folder = temporaryFolder();
  const lines: string[] = [];
  const postgres = await startPostgres({
    dataDir: join(folder, 'a b', 'data'),
    log: (line) => lines.push(line),
  });
  try {
    expect(await one(postgres.url, 'SHOW server_encoding')).toBe('UTF8');
    expect(await one(postgres.url, `SELECT 'Z' < 'a' AND 'z' < 'é'`)).toBe(true);
    expect(Number(await one(postgres.url, 'SHOW server_version_num'))).toBeGreaterThanOrEqual(180_000);
    expect(statSync(postgres.data).mode & 0o777).toBe(0o700);
    expect(lines).toEqual([
      'preparing a new Postgres data folder',
      matching(/^Postgres 18\.\d+ listens on 127\.0\.0\.1:\d+$/),
    ]);
  } finally {
    await postgres.stop();
  }
});

test('it listens on the loopback interface only, and has no socket file', async () => {
  const postgres = await startPostgres({ dataDir: await usedFolder() });
  try {
    expect(await reaches('127.0.0.1', postgres.port)).toBe(true);
    expect(await one(postgres.url, 'SHOW unix_socket_directories')).toBe('');
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const outside = others.filter(({ internal }) => !internal).map(({ address }) => address);
    const reached = await Promise.all(outside.map((address) => reaches(address, postgres.port)));
    expect(reached).toEqual(outside.map(() => false));
  } finally {
    await postgres.stop();
  }
});

test('nobody comes in without the password, which only its owner can read', async () => {
  const folder = await usedFolder();
  const postgres = await startPostgres({ dataDir: folder });
  try {
    const wrong = new URL(postgres.url);
    wrong.password = 'guessed';
    await expect(one(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(folder, 'postgres-password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'run.json')).mode & 0o777).toBe(0o600);
    const readable = readdirSync(folder).filter((name) => (statSync(join(folder, name)).mode & 0o044) !== 0);
    expect(readable).toEqual([]);
  } finally {
    await postgres.stop();
  }
});

test('a port that somebody takes in the last moment is not the end', async () => {
  const taken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  const ports = [typeof address === 'object' && address !== null ? address.port : 0, await freePort()];
  const [busy, free] = ports;
  const pickPort = (): Promise<number> => Promise.resolve(ports.shift() ?? 0);
  try {
    const postgres = await startPostgres({ dataDir: await usedFolder(), pickPort });
    await postgres.stop();
    expect(postgres.port).toBe(free);
    expect(postgres.port).not.toBe(busy);
  } finally {
    taken.close();
  }
});

test('a first start that was cut short leaves nothing that the next one trips over', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'postgres.new-1234', 'data', 'base'), { recursive: true });
  mkdirSync(join(folder, 'postgres'));
  const postgres = await startPostgres({ dataDir: folder });
  try {
    expect(readdirSync(folder).filter((name) => name.includes('.new-'))).toEqual([]);
    await one(postgres.url.replace(/muster$/, 'postgres'), 'DROP DATABASE muster');
  } finally {
    await postgres.stop();
  }
  // As if it had been killed before it made its database.
  const again = await startPostgres({ dataDir: folder });
  expect(await one(again.url, 'SELECT current_database()')).toBe('muster');
  await again.stop();
});

test("a folder with somebody's files, or of another Postgres version, is refused and left as it is", async () => {
  const strange = temporaryFolder();
  mkdirSync(join(strange, 'postgres'));
  writeFileSync(join(strange, 'postgres', 'letter.txt'), 'dear');
  await expect(startPostgres({ dataDir: strange })).rejects.toMatchObject({
    code: 'postgres_data',
    message: containing('holds no Postgres data'),
    exit: 3,
  });
  expect(readFileSync(join(strange, 'postgres', 'letter.txt'), 'utf8')).toBe('dear');

  const old = temporaryFolder();
  mkdirSync(join(old, 'postgres'));
  writeFileSync(join(old, 'postgres', 'PG_VERSION'), '17\n');
  await expect(startPostgres({ dataDir: old })).rejects.toMatchObject({
    code: 'postgres_data',
    message: containing('it belongs to Postgres 17'),
  });
});

test('a start that fails says why in one line, and leaves nothing running', async () => {
  const folder = await usedFolder();
  await expect(
    startPostgres({ dataDir: folder, settings: { shared_buffers: 'plenty' } }),
  ).rejects.toMatchObject({
    code: 'postgres_start',
    message: matching(/did not start: .*shared_buffers/),
    hint: containing(join(folder, 'postgres.log')),
  });
});

test('a later start takes less than 2 seconds', async () => {
  const folder = await usedFolder();
  const start = async (): Promise<number> => {
    const began = performance.now();
    const postgres = await startPostgres({ dataDir: folder });
    const took = performance.now() - began;
    await postgres.stop();
    return took;
  };
  // One of many, as other tests keep the machine busy meanwhile.
  await expect.poll(start).toBeLessThan(2_000);
});
