import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis } from '../../src/embedded/index.js';
import { startGuarded } from '../../src/embedded/guard.js';
import type { Guarded } from '../../src/embedded/guard.js';
import { freePort } from '../../src/embedded/ports.js';
import { gone, pause } from '../../src/embedded/processes.js';
import { redisPid } from '../../src/embedded/redis-probe.js';
import { redisEnvironment } from '../../src/embedded/redis-program.js';

/** A Redis of the rig's own, which may be killed, frozen and set back. */
export interface ChaosRedis {
  readonly port: number;
  readonly password: string;
  readonly pid: () => number;
  /** Commands straight to the server, not through the proxy. */
  readonly admin: Redis;
  /** SIGKILL; the data are gone unless a dump was kept. */
  kill(): Promise<void>;
  /** Starts again: empty, or from the dump that `keepDump` made. */
  start(from: 'empty' | 'dump'): Promise<void>;
  keepDump(): Promise<void>;
  stop(): Promise<void>;
}

export async function startChaosRedis(folder: string): Promise<ChaosRedis> {
  const program = await findRedis();
  const home = join(folder, 'redis');
  mkdirSync(home, { recursive: true });
  const port = await freePort();
  const password = 'chaos';
  const config = join(folder, 'redis.conf');
  const dump = join(home, 'dump.rdb');
  const kept = join(folder, 'kept.rdb');
  writeFileSync(
    config,
    [
      'bind 127.0.0.1',
      `port ${port}`,
      `requirepass ${password}`,
      `dir "${home}"`,
      'daemonize no',
      'save ""',
      'appendonly no',
      'maxmemory-policy noeviction',
      '',
    ].join('\n'),
  );
  let guarded: Guarded | undefined;
  const run = async (): Promise<void> => {
    guarded = await startGuarded({
      command: [program.program, config],
      pipe: join(folder, 'redis.pipe'),
      log: join(folder, 'redis.log'),
      signal: 'TERM',
      env: redisEnvironment(program),
    });
    const deadline = Date.now() + 30_000;
    while ((await redisPid(port, password, 1000)) !== guarded.pid) {
      if (!guarded.running() || Date.now() > deadline) throw new Error('the Redis of the rig did not start');
      await pause(10);
    }
  };
  await run();
  const admin = new Redis({
    host: '127.0.0.1',
    port,
    password,
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  admin.on('error', () => undefined);
  const pid = (): number => {
    if (guarded === undefined) throw new Error('the Redis of the rig does not run');
    return guarded.pid;
  };
  return {
    port,
    password,
    pid,
    admin,
    async kill() {
      const dying = guarded;
      process.kill(pid(), 'SIGKILL');
      await gone(pid(), 5000);
      guarded = undefined;
      await dying?.release();
    },
    async start(from) {
      rmSync(dump, { force: true });
      if (from === 'dump' && existsSync(kept)) copyFileSync(kept, dump);
      await run();
    },
    async keepDump() {
      await admin.save();
      copyFileSync(dump, kept);
    },
    async stop() {
      admin.disconnect();
      await guarded?.release();
    },
  };
}
