import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { Redis } from 'ioredis';
import { findRedis, startRedis } from '../../src/embedded/index.js';
import { freePort } from '../../src/embedded/ports.js';
import { dependencies, hasApt } from '../../src/embedded/redis-packages.js';
import { redisPid } from '../../src/embedded/redis-probe.js';
import { installLine } from '../../src/embedded/redis-program.js';
import { readState } from '../../src/embedded/state.js';
import { temporaryFolder } from './places.js';
import { matching } from '../support/matchers.js';

/** A stand-in that only tells its version, to see which one is chosen. */
function pretend(name: string, version: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), `#!/bin/sh\necho "Redis server v=${version} sha=0 bits=64"\n`);
  chmodSync(join(folder, name), 0o755);
  return folder;
}

const NO_NETWORK = /Could not resolve|Temporary failure|Could not connect|Unable to connect|Failed to fetch/;

test('it keeps nothing on disk, evicts nothing, and asks for a password', async () => {
  const program = inject('servers').redisProgram ?? (await findRedis());
  const folder = temporaryFolder();
  const server = await startRedis({ dataDir: folder, program });
  const redis = new Redis(server.url);
  try {
    expect(await redis.config('GET', 'save')).toEqual(['save', '']);
    expect(await redis.config('GET', 'appendonly')).toEqual(['appendonly', 'no']);
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await redis.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    await redis.set('key', 'value');
    expect(await redisPid(server.port, 'guessed')).toBeUndefined();
    const readable = readdirSync(folder).filter((name) => (statSync(join(folder, name)).mode & 0o044) !== 0);
    expect(readable).toEqual([]);
    expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(new URL(server.url).password);
  } finally {
    redis.disconnect();
    await server.stop();
  }
  expect(readdirSync(join(folder, 'redis'))).toEqual([]);
  expect(readState(folder)).toEqual({});
});

test('a port that somebody takes in the last moment is not the end', async () => {
  const program = inject('servers').redisProgram ?? (await findRedis());
  const taken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  const ports = [typeof address === 'object' && address !== null ? address.port : 0, await freePort()];
  const free = ports[1];
  try {
    const pickPort = (): Promise<number> => Promise.resolve(ports.shift() ?? 0);
    const server = await startRedis({ dataDir: temporaryFolder(), program, pickPort });
    await server.stop();
    expect(server.port).toBe(free);
  } finally {
    taken.close();
  }
});

test('a program that ends at once is named with what it said', async () => {
  const folder = temporaryFolder();
  const program = { program: join(temporaryFolder(), 'redis-server'), libraries: [] };
  writeFileSync(program.program, '#!/bin/sh\necho "no such luck" >&2\nexit 1\n', { mode: 0o755 });
  await expect(startRedis({ dataDir: folder, program })).rejects.toMatchObject({
    code: 'redis_start',
    exit: 3,
    message: 'the embedded Redis did not start: no such luck',
  });
});

function find(...path: string[]): Promise<unknown> {
  return findRedis({ path: path.join(':') });
}

test('a server on the PATH comes first, Redis or Valkey', async () => {
  const redis = pretend('redis-server', '7.0.15');
  const valkey = pretend('valkey-server', '8.1.1');
  expect(await find(redis)).toEqual({ program: join(redis, 'redis-server'), libraries: [] });
  expect(await find('/nowhere', valkey)).toEqual({ program: join(valkey, 'valkey-server'), libraries: [] });
  const old = pretend('redis-server', '5.0.7');
  expect(await find(old, redis)).toEqual({ program: join(redis, 'redis-server'), libraries: [] });
  expect(await find(old, valkey)).toEqual({ program: join(valkey, 'valkey-server'), libraries: [] });
});

test.each([
  ['darwin', '', 'brew install redis'],
  ['linux', 'ID=debian\n', 'sudo apt-get install redis-server'],
  ['linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'sudo apt-get install redis-server'],
  ['linux', 'NAME="Alpine Linux"\nID=alpine\n', 'apk add redis'],
  ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'sudo dnf install valkey'],
  ['linux', 'ID=arch\n', 'sudo pacman -S valkey'],
])('the refusal on %s (%j) names its one-line install', (platform, release, line) => {
  expect(installLine(platform, release)).toBe(line);
});

test('the walk over packages takes the first of alternatives, and the providers of a virtual one', () => {
  const text = [
    'one',
    '  PreDepends: early',
    ' |Depends: first',
    '  Depends: second',
    '  Depends: <virtual>',
    '    provider-a',
    '    provider-b',
    '  Depends: last:any',
    'two',
    '  Depends: of-two',
  ].join('\n');
  expect(dependencies(text)).toEqual([
    ['early'],
    ['first', 'second'],
    ['provider-a', 'provider-b'],
    ['last'],
    ['of-two'],
  ]);
});

test.runIf(hasApt())(
  "without one, the distribution's packages are unpacked in the cache, by two at once, and found there again",
  async ({ skip }) => {
    const cache = join(temporaryFolder(), 'cache');
    const lines: string[] = [];
    const options = { path: '/nowhere', cache, log: (line: string) => void lines.push(line) };
    const before = execFileSync('dpkg-query', ['-W'], { encoding: 'utf8' });
    const both = await Promise.all([findRedis(options), findRedis(options)]).catch((error: unknown) => {
      if (error instanceof Error && NO_NETWORK.test(error.message))
        return skip('the package archive is out of reach');
      throw error;
    });
    expect(both[0]).toEqual(both[1]);
    expect(both[0].program.startsWith(`${cache}/`)).toBe(true);
    expect(readdirSync(cache)).toHaveLength(1);
    expect(execFileSync('dpkg-query', ['-W'], { encoding: 'utf8' })).toBe(before);
    expect(lines).toHaveLength(2);
    expect(await findRedis(options)).toEqual(both[0]);
    expect(lines).toHaveLength(2);

    const server = await startRedis({ dataDir: temporaryFolder(), program: both[0] });
    await server.stop();

    // A cache that was cleaned up in part mends itself. A system that has the libraries gets packages without any.
    const [home = ''] = readdirSync(cache);
    const parts = ['bin', 'lib']
      .map((name) => join(cache, home, 'usr', name))
      .filter((part) => existsSync(part));
    expect(both[0].libraries.length > 0).toBe(parts.length === 2);
    for (const part of parts) {
      rmSync(part, { recursive: true });
      expect(await findRedis(options)).toEqual(both[0]);
      expect(readdirSync(cache)).toEqual([home]);
      expect(existsSync(part)).toBe(true);
    }
  },
);

test.runIf(hasApt())(
  'where nothing can be fetched, the refusal says why and how to install one',
  async () => {
    const cache = join(temporaryFolder(), 'cache');
    mkdirSync(cache);
    writeFileSync(join(temporaryFolder(), 'file'), '');
    // A file in place of the cache folder: nothing can be put there, whoever we are.
    const file = join(cache, 'file');
    writeFileSync(file, '');
    await expect(findRedis({ path: '/nowhere', cache: file })).rejects.toMatchObject({
      code: 'redis_missing',
      exit: 3,
      hint: matching(/run `.+`, or set REDIS_URL/),
    });
  },
);
