import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { startEmbedded } from '../../src/embedded/index.js';

export const workspace = 'bench';

/** A private Postgres and Redis, as `muster start` runs them: a commit is on disk before it is answered. */
export interface Servers {
  readonly pool: Pool;
  /** For what the benchmark itself asks. */
  readonly redis: Redis;
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Starts both, empty but for the workspace, and removes them in the end, whatever happens meanwhile. */
export async function withServers<T>(work: (servers: Servers) => Promise<T>): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: true });
  const { databaseUrl = '', redisUrl = '' } = embedded;
  try {
    const pool = await openPool(databaseUrl);
    const redis = new Redis(redisUrl);
    try {
      await migrate(pool);
      await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspace]);
      return await work({ pool, redis, databaseUrl, redisUrl });
    } finally {
      redis.disconnect();
      await pool.end();
    }
  } finally {
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What Postgres and Redis hold of people, series and jobs is gone. */
export async function clear({ pool, redis }: Servers): Promise<void> {
  await pool.query('TRUNCATE end_users, outbox, series, work, enrollment_trail, redis_incarnations CASCADE');
  await redis.flushall();
}
