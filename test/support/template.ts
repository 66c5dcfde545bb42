import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { MIGRATIONS, migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';

/** Name of a migrated database on the server, made when these migrations have none yet. Several runs may ask at once. */
export async function buildTemplate(serverUrl: string): Promise<string> {
  const name = `muster_template_${migrationsHash()}`;
  await administer(serverUrl, async (server) => {
    await server.query('SELECT pg_advisory_lock(7316844020612)');
    const { rowCount } = await server.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount !== 0) return;
    // Renamed when it is finished, so that a run that is cut short leaves no half-made template.
    const draft = `muster_draft_${randomBytes(6).toString('hex')}`;
    await createDatabase(server, draft, 'template0');
    const pool = await openPool(databaseUrl(serverUrl, draft));
    try {
      await migrate(pool);
    } finally {
      await pool.end();
    }
    await server.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  });
  return name;
}

function migrationsHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(MIGRATIONS).toSorted())
    hash.update(file).update(readFileSync(join(MIGRATIONS, file)));
  return hash.digest('hex').slice(0, 16);
}

export async function createDatabase(server: Client, name: string, template: string): Promise<void> {
  const options = template === 'template0' ? ` ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'` : '';
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${template}${options}`);
}

/** Runs `work` on a connection of its own to the server's usual database. */
export async function administer<T>(serverUrl: string, work: (server: Client) => Promise<T>): Promise<T> {
  const server = new Client({ connectionString: serverUrl });
  await server.connect();
  try {
    return await work(server);
  } finally {
    await server.end();
  }
}

export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
