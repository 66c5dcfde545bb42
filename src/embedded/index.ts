import { resolve } from 'node:path';
import { isRoot } from './account.js';
import { makeDataFolder } from './folders.js';
import { withLock } from './lock.js';
import { holdPostgres } from './postgres.js';
import type { HeldPostgres, PostgresOptions } from './postgres.js';
import { holdRedis } from './redis.js';
import type { HeldRedis, RedisOptions } from './redis.js';
import { leave } from './server.js';

export { findRedis } from './redis-program.js';
export type { RedisProgram } from './redis-program.js';

export interface EmbeddedOptions {
  /** Muster's data folder; made when it is missing. */
  readonly dataDir: string;
  readonly postgres: boolean;
  readonly redis: boolean;
  /** Hears one line for each step that takes time or that the user should know of. */
  readonly log?: (line: string) => void;
}

export interface Embedded {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** Lets go of the servers. They stop unless another process uses them; then it returns at once. */
  stop(): Promise<void>;
}

/**
 * Starts a private Postgres, a private Redis or both in a data folder, or joins the ones that another Muster runs there.
 *
 * They listen on the loopback interface only, with generated passwords, and end with the last process that uses them,
 * however that ends. Throws a MusterError: `postgres_*`, `redis_*` or `embedded_*`.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const folder = prepare(options.dataDir);
  const shared = { folder, ...(options.log && { log: options.log }) };
  return withLock(folder, async () => {
    const starts = [
      options.postgres ? holdPostgres(shared) : undefined,
      options.redis ? holdRedis(shared) : undefined,
    ] as const;
    // Both are awaited, so that the one that came up is stopped when the other fails.
    const [postgres, redis] = await Promise.allSettled(starts);
    const held = [postgres, redis].flatMap((start) =>
      start.status === 'fulfilled' && start.value ? [start.value] : [],
    );
    if (postgres.status === 'rejected' || redis.status === 'rejected') {
      for (const server of held) await leave(folder, server);
      throw postgres.status === 'rejected' ? postgres.reason : (redis as PromiseRejectedResult).reason;
    }
    return {
      ...(postgres.value && { databaseUrl: postgres.value.url }),
      ...(redis.value && { redisUrl: redis.value.url }),
      stop: once(() =>
        withLock(folder, async () => {
          await Promise.all(held.map((server) => leave(folder, server)));
        }),
      ),
    };
  });
}

export type Running<T> = T & { stop(): Promise<void> };

/** Postgres alone, with what only tests and tools need: settings, places, process id. */
export async function startPostgres(
  options: Omit<PostgresOptions, 'folder'> & { dataDir: string },
): Promise<Running<HeldPostgres>> {
  const folder = prepare(options.dataDir);
  const held = await withLock(folder, () => holdPostgres({ ...options, folder }));
  return { ...held, stop: once(() => withLock(folder, () => leave(folder, held))) };
}

/** Redis alone. */
export async function startRedis(
  options: Omit<RedisOptions, 'folder'> & { dataDir: string },
): Promise<Running<HeldRedis>> {
  const folder = prepare(options.dataDir);
  const held = await withLock(folder, () => holdRedis({ ...options, folder }));
  return { ...held, stop: once(() => withLock(folder, () => leave(folder, held))) };
}

function prepare(dataDir: string): string {
  const folder = resolve(dataDir);
  makeDataFolder(folder, isRoot());
  return folder;
}

/** Stopping twice is stopping once: signal handlers and `finally` blocks meet here. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
