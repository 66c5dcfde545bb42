import { basename, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from 'pg';
import Postgrator from 'postgrator';
import { problem, refuse, MusterError } from '../errors/index.js';
import type { Client, Pool } from './pool.js';
import { checkIsolation, refuseRoles, rolesRefused } from './roles.js';
import { inTransaction } from './transaction.js';

// Works from src/ and from dist/ alike: the SQL files are shipped once, in src/.
export const MIGRATIONS = fileURLToPath(new URL('../../src/database/migrations', import.meta.url));

// Any constant of Muster's own, so that all starters of one database queue up behind each other.
const LOCK = 7_316_844_020_611;
const TABLE = 'muster_schema';

export interface MigrateOptions {
  /** Folder with `NNN.do.name.sql` files; default the ones of this Muster. */
  readonly folder?: string;
}

/**
 * Brings the schema to this code's version and returns the versions that ran, in order (none when it was up to date).
 *
 * One transaction holds the whole run, so a migration that fails leaves nothing behind, and an advisory lock lets any
 * number of processes start at once. Whatever row-level security has lost, by a restore or the removal of a role, is put
 * back. Throws `database_newer`, `database_changed`, `migration_failed` or `database_roles_missing`.
 */
export async function migrate(pool: Pool, options: MigrateOptions = {}): Promise<number[]> {
  try {
    return await inTransaction(pool, (client) => migrateWith(client, options.folder ?? MIGRATIONS));
  } catch (error) {
    if (error instanceof DatabaseError && error.code === rolesRefused) await refuseRoles(pool);
    throw error;
  }
}

async function migrateWith(client: Client, folder: string): Promise<number[]> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  const { rows } = await client.query<{ schema: string | null }>('SELECT current_schema() AS schema');
  const schema = rows[0]?.schema ?? 'public';
  // Made here, because postgrator would look for the schema's creator rights even when the table is there.
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${TABLE} (version bigint PRIMARY KEY, name text, md5 text, run_at timestamptz)`,
  );
  const postgrator = new Postgrator({
    driver: 'pg',
    migrationPattern: `${escapeGlob(folder)}/*.do.*.sql`,
    schemaTable: `${schema}.${TABLE}`,
    // A checkout with Windows line ends must not look like a changed migration.
    newline: 'LF',
    execQuery: (query) => client.query(query),
    execSqlScript: async (script) => void (await client.query(script)),
  });
  const files = await postgrator.getMigrations();
  await refuseForeignSchema(client, files);
  let current = '';
  postgrator.on('migration-started', (migration) => {
    current = basename(migration.filename);
  });
  try {
    const applied = await postgrator.migrate();
    await guardAgain(client);
    return applied.map((migration) => migration.version);
  } catch (error) {
    throw migrationFailed(error, current);
  }
}

/** A schema from before row-level security, or of somebody's test, has nothing to put back. */
async function guardAgain(client: Client): Promise<void> {
  const { rows } = await client.query<{ made: boolean }>(
    `SELECT to_regprocedure('muster_guard_again()') IS NOT NULL AS made`,
  );
  if (rows[0]?.made !== true) return;
  await client.query('SELECT muster_guard_again()');
  await checkIsolation(client);
}

/** Everything that is applied must be one of our files, unchanged, and no older file may have been left out. */
async function refuseForeignSchema(client: Client, files: readonly Postgrator.Migration[]): Promise<void> {
  const { rows } = await client.query<{ version: string; md5: string | null }>(
    `SELECT version, md5 FROM ${TABLE} WHERE version > 0 ORDER BY version`,
  );
  const applied = new Map(rows.map((row) => [Number(row.version), row.md5]));
  const found = Math.max(0, ...applied.keys());
  const known = Math.max(0, ...files.map((file) => file.version));
  if (found > known) refuse('database_newer', { found, known });
  const byVersion = new Map(files.map((file) => [file.version, file]));
  for (const [version, md5] of applied) {
    const file = byVersion.get(version);
    if (file === undefined)
      refuse('database_changed', { reason: `version ${version} was applied and has no file` });
    if (file.md5 !== md5) {
      refuse('database_changed', {
        reason: `\`${basename(file.filename)}\` is not the file that was applied`,
      });
    }
  }
  for (const file of files) {
    if (file.version < found && !applied.has(file.version)) {
      refuse('database_changed', {
        reason: `\`${basename(file.filename)}\` was never applied, but later ones were`,
      });
    }
  }
}

function migrationFailed(error: unknown, file: string): unknown {
  if (!(error instanceof DatabaseError) || file === '' || error.code === rolesRefused) return error;
  return new MusterError(problem('migration_failed', { file, reason: error.message }), { cause: error });
}

/** The folder is a path, not a pattern, whatever characters it holds. */
function escapeGlob(path: string): string {
  return sep === '\\' ? path.replaceAll(sep, '/') : path.replace(/[?*()[\]{}!+@\\]/g, '\\$&');
}
