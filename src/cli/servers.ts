import { readdirSync } from 'node:fs';
import { MIGRATIONS, migrate } from '../database/migrate.js';
import { openPool } from '../database/pool.js';
import { checkIsolation } from '../database/roles.js';
import type { Pool } from '../database/pool.js';
import { hasPostgresData, startEmbedded } from '../embedded/index.js';
import type { Keeper } from '../embedded/index.js';
import { refuse } from '../errors/index.js';
import { dataDir } from './data-dir.js';
import { err, plain } from './terminal.js';

/** The servers of one run of the command line. */
export interface Servers {
  readonly pool: Pool;
  readonly databaseUrl: string;
  /** Empty when the run asked for no Redis. */
  readonly redisUrl: string;
  /** Which of them are Muster's own. */
  readonly embedded: { readonly postgres: boolean; readonly redis: boolean };
  /** Schema versions that this opening brought in. */
  readonly migrated: readonly number[];
  stop(): Promise<void>;
}

export interface ServersOptions {
  /** Whether the run needs Redis. */
  readonly redis: boolean;
  /**
   * `bring`: bring the schema to this version. `check`: do so only for the embedded server, and refuse another one
   * whose schema is older or newer, because a look at an audience must not change a database.
   */
  readonly schema: 'bring' | 'check';
  /** Whether a data folder may be made where there is none; without it that is refused. Default: with `bring`. */
  readonly makeData?: boolean;
  /** Most connections to Postgres at once. Default 10. */
  readonly connections?: number;
  /** For commands that run on: embedded servers that end are started again, and this hears of it. */
  readonly keeper?: Keeper;
}

/**
 * Connects to the servers that `DATABASE_URL` and `REDIS_URL` name and starts embedded ones in place of the others.
 * What was started here stops with `stop()`, and also when a later step of the opening fails.
 *
 * Errors: `no_data_here`, those of the schema and of the servers.
 */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const named = { database: process.env.DATABASE_URL ?? '', redis: process.env.REDIS_URL ?? '' };
  const embedded = { postgres: named.database === '', redis: options.redis && named.redis === '' };
  if (embedded.postgres) expectData(dataDir(), options.makeData ?? options.schema === 'bring');
  const own =
    embedded.postgres || embedded.redis
      ? await startEmbedded({
          dataDir: dataDir(),
          ...embedded,
          log: (line) => note(line),
          ...(options.keeper && { keeper: options.keeper }),
        })
      : null;
  const databaseUrl = embedded.postgres ? (own?.databaseUrl ?? '') : named.database;
  const redisUrl = embedded.redis ? (own?.redisUrl ?? '') : named.redis;
  let pool: Pool | undefined;
  const stop = async (): Promise<void> => {
    await pool?.end();
    await own?.stop();
  };
  try {
    pool = await openPool(databaseUrl, {
      connectTimeout: 5000,
      ...(options.connections === undefined ? {} : { max: options.connections }),
    });
    const bring = options.schema === 'bring' || embedded.postgres;
    const migrated = bring ? await migrate(pool) : await checkSchema(pool);
    return { pool, databaseUrl, redisUrl: options.redis ? redisUrl : '', embedded, migrated, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A command in the wrong folder would otherwise find an empty database of its own making. Error: `no_data_here`. */
function expectData(folder: string, make: boolean): void {
  if (hasPostgresData(folder)) return;
  if (!make) refuse('no_data_here', { folder });
  err.line(`no Muster data in ${plain(folder)} yet: starting a new Postgres there`);
}

/** Errors: `database_not_migrated`, `database_newer`, `database_roles_missing`, `database_unguarded`. */
async function checkSchema(pool: Pool): Promise<number[]> {
  const known = Math.max(
    ...readdirSync(MIGRATIONS).map((file) => Number(/^(\d+)\.do\./.exec(file)?.[1] ?? 0)),
  );
  const { rows: tables } = await pool.query<{ made: boolean }>(
    `SELECT to_regclass('muster_schema') IS NOT NULL AS made`,
  );
  let found = 0;
  if (tables[0]?.made === true) {
    const { rows } = await pool.query<{ version: string | null }>(
      'SELECT max(version) AS version FROM muster_schema',
    );
    found = Number(rows[0]?.version ?? 0);
  }
  if (found > known) refuse('database_newer', { found, known });
  if (found < known) refuse('database_not_migrated', { found, known });
  await checkIsolation(pool);
  return [];
}

/** Says on a terminal what is being waited for. */
function note(line: string): void {
  if (err.interactive) err.line(err.style('dim', `  ${line}`));
}

/** Runs a command's work with servers and stops them afterwards, whatever happens; Ctrl-C and SIGTERM stop them too. */
export async function withServers<T>(
  options: ServersOptions,
  work: (servers: Servers) => Promise<T>,
): Promise<T> {
  const servers = await openServers(options);
  try {
    return await work(servers);
  } finally {
    await servers.stop();
  }
}
