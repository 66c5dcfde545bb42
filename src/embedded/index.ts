import { resolve } from 'node:path';
import { isRoot } from './account.js';
import { makeDataFolder } from './folders.js';
import { keepRunning } from './keep.js';
import type { Keeper, Kept } from './keep.js';
import { withLock } from './lock.js';
import { holdPostgres } from './postgres.js';
import type { HeldPostgres, PostgresOptions } from './postgres.js';
import { holdRedis } from './redis.js';
import type { HeldRedis, RedisOptions } from './redis.js';
import { leave } from './server.js';

export { hasPostgresData } from './postgres.js';
export type { Keeper } from './keep.js';
export { findRedis } from './redis-program.js';
export type { RedisProgram } from './redis-program.js';

export interface EmbeddedOptions {
  /** Muster's data folder; made when it is missing. */
  readonly dataDir: string;
  readonly postgres: boolean;
  readonly redis: boolean;
  /** Hears one line for each step that takes time or that the user should know of. */
  readonly log?: (line: string) => void;
  /** For a process that runs on: a server that ends is started again, and this hears of it. Without it, it stays away. */
  readonly keeper?: Keeper;
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
  const [postgres, redis] = await withLock(folder, () =>
    bothOrNeither(
      folder,
      options.postgres ? holdPostgres(shared) : undefined,
      options.redis ? holdRedis(shared) : undefined,
    ),
  );
  const kept: Kept[] = [];
  if (postgres) kept.push({ held: postgres, again: (pickPort) => holdPostgres({ ...shared, pickPort }) });
  if (redis) kept.push({ held: redis, again: (pickPort) => holdRedis({ ...shared, pickPort }) });
  const { keeper } = options;
  const keeping = keeper ? kept.map((server) => keepRunning(folder, server, keeper)) : [];
  return {
    ...(postgres && { databaseUrl: postgres.url }),
    ...(redis && { redisUrl: redis.url }),
    stop: once(async () => {
      // First, as nothing may start again what is to stop.
      await Promise.all(keeping.map((each) => each.stop()));
      await withLock(folder, () => Promise.all(kept.map(({ held }) => leave(folder, held))));
    }),
  };
}

/** Waits for both, so that the one that came up is stopped when the other fails. */
async function bothOrNeither(
  folder: string,
  postgres: Promise<HeldPostgres> | undefined,
  redis: Promise<HeldRedis> | undefined,
): Promise<[HeldPostgres | undefined, HeldRedis | undefined]> {
  await Promise.allSettled([postgres, redis].filter((start) => start !== undefined));
  try {
    return [await postgres, await redis];
  } catch (error) {
    for (const start of [postgres, redis]) {
      const held = await start?.catch(() => undefined);
      if (held !== undefined) await leave(folder, held);
    }
    throw error;
  }
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
