import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';
import { startEmbedded } from '../../src/embedded/index.js';

export const workspace = 'bench';

/** A database of its own with one workspace, for the time of the work. */
export async function withDatabase(work: (pool: Pool, url: string) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const embedded = await startEmbedded({ dataDir, postgres: true, redis: false });
  const url = embedded.databaseUrl ?? '';
  const pool = await openPool(url);
  try {
    await migrate(pool);
    await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)`, [workspace]);
    await work(pool, url);
  } finally {
    await pool.end();
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
