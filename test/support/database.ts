import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { afterFile, fileName } from './cleanup.js';
import { administer, createDatabase, databaseUrl } from './template.js';

export interface TestDatabase {
  readonly pool: Pool;
  readonly url: string;
}

/**
 * A migrated database of this test file's own, at the top of the file or in `beforeAll`. It is dropped after the file, or
 * kept and named when a test failed on a server that outlives the run.
 */
export async function testDatabase(): Promise<TestDatabase> {
  return makeDatabase(inject('servers').template);
}

/** The same without a schema. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return makeDatabase('template0');
}

async function makeDatabase(template: string): Promise<TestDatabase> {
  const server = inject('servers').databaseUrl;
  const name = `muster_test_${fileName()}_${randomBytes(5).toString('hex')}`;
  const url = databaseUrl(server, name);
  await administer(server, (client) => createDatabase(client, name, template));
  afterFile(async (failed) => {
    if (failed && process.env['DATABASE_URL']) {
      process.stderr.write(`a test failed: its database \`${name}\` is kept\n`);
    } else {
      await administer(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    }
  });
  const pool = await openPool(url);
  afterFile(async () => {
    if (!pool.ended) await pool.end();
  });
  return { pool, url };
}
