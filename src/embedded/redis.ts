import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { refuse } from '../errors/index.js';
import { keptSecret, usableCache, writePrivate } from './folders.js';
import { startGuarded } from './guard.js';
import type { Guarded } from './guard.js';
import { lastLines, trimLog } from './logs.js';
import { freePort } from './ports.js';
import { pause } from './processes.js';
import { redisPid } from './redis-probe.js';
import { findRedis, redisEnvironment } from './redis-program.js';
import type { RedisProgram } from './redis-program.js';
import { joinRunning, logPath, pipePath, recordStarted } from './server.js';
import type { Held } from './server.js';

export interface RedisOptions {
  /** Muster's data folder; must exist. */
  readonly folder: string;
  /** What to run; default whatever `findRedis` finds. */
  readonly program?: RedisProgram;
  /** How a free port is found; default the system picks one. */
  readonly pickPort?: () => Promise<number>;
  readonly log?: (line: string) => void;
}

export interface HeldRedis extends Held {
  readonly url: string;
}

const PORT_TRIES = 5;
const START_TIMEOUT = 30_000;

/** Starts or joins the folder's Redis, which keeps nothing on disk. Under the folder's lock. */
export async function holdRedis(options: RedisOptions): Promise<HeldRedis> {
  const { folder } = options;
  const log = options.log ?? (() => undefined);
  const password = keptSecret(join(folder, 'redis-password'));
  const url = (port: number): string => `redis://:${password}@127.0.0.1:${port}`;
  mkdirSync(join(folder, 'redis'), { recursive: true, mode: 0o700 });
  const home = realpathSync(join(folder, 'redis'));
  const joined = await joinRunning(
    folder,
    'redis',
    home,
    async ({ pid, port }) => (await redisPid(port, password)) === pid,
  );
  if (joined !== undefined) {
    log('using the Redis that runs already');
    return { ...joined, url: url(joined.port) };
  }
  const program = options.program ?? (await findRedis({ cache: usableCache(folder), log }));
  const { guarded, port } = await startServer(program, {
    folder,
    home,
    password,
    pickPort: options.pickPort ?? freePort,
  });
  log(`Redis listens on 127.0.0.1:${port}`);
  return { ...recordStarted(folder, 'redis', guarded, port, home), url: url(port) };
}

interface Where {
  readonly folder: string;
  readonly home: string;
  readonly password: string;
  readonly pickPort: () => Promise<number>;
}

async function startServer(
  program: RedisProgram,
  { folder, home, password, pickPort }: Where,
): Promise<{ guarded: Guarded; port: number }> {
  const log = logPath(folder, 'redis');
  for (let attempt = 1; ; attempt += 1) {
    const logged = trimLog(log);
    const port = await pickPort();
    const config = join(folder, 'redis.conf');
    // In a file, as every account can read the arguments of a running program, and this holds the password.
    rmSync(config, { force: true });
    writePrivate(config, configuration(port, password, home));
    const guarded = await startGuarded({
      command: [program.program, config],
      pipe: pipePath(folder, 'redis'),
      log,
      signal: 'TERM',
      env: redisEnvironment(program),
    });
    if (await becomesReady(guarded, port, password)) return { guarded, port };
    await guarded.release();
    const said = lastLines(log, logged);
    const taken = /Address already in use|bind:/i.test(said);
    if (!taken || attempt === PORT_TRIES) refuse('redis_start', { reason: lastReason(said), log });
  }
}

function configuration(port: number, password: string, home: string): string {
  const quoted = `"${home.replace(/["\\]/g, '\\$&')}"`;
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    `dir ${quoted}`,
    'daemonize no',
    // A list of processes then shows whose server it is.
    'set-proc-title no',
    'save ""',
    'appendonly no',
    // BullMQ's keys must never be evicted.
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

function lastReason(said: string): string {
  return (
    said
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^\d+:\S+ .*? [#*] /, '') || 'it ended at once'
  );
}

async function becomesReady(guarded: Guarded, port: number, password: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT;
  while (guarded.running() && Date.now() < deadline) {
    // Only our own child counts: somebody else's Redis may have taken the port meanwhile.
    if ((await redisPid(port, password, 1_000)) === guarded.pid) return true;
    await pause(5);
  }
  return false;
}
