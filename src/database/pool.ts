import { Client as PgClient, DatabaseError, Pool as PgPool } from 'pg';
import type { PoolClient } from 'pg';
import { MusterError, refuse } from '../errors/index.js';
import { keepPath, readOwnPath } from './search-path.js';
import { databaseAddress, unreachable } from './unreachable.js';

export type Pool = PgPool;
/** One connection taken from the pool. */
export type Client = PoolClient;

export interface PoolOptions {
  /** Most connections open at once; default 10. */
  readonly max?: number;
  /** Milliseconds to wait for a connection; default 10,000. */
  readonly connectTimeout?: number;
  /** Shown in `pg_stat_activity`; default `muster`. */
  readonly applicationName?: string;
  /** Hears of connections that break while nobody uses them; the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

const OLDEST = 15;
const STARTING_UP = '57P03';

/**
 * Opens a pool and checks that the server can serve Muster: reachable, Postgres 15 or later, UTF8.
 *
 * Throws a MusterError with `database_url_invalid`, `database_unreachable`, `database_too_old` or
 * `database_encoding`. No message holds the password. The caller ends the pool.
 */
export async function openPool(url: string, options: PoolOptions = {}): Promise<Pool> {
  const timeout = options.connectTimeout ?? 10_000;
  const pool = newPool(url, options, timeout);
  // A connection that breaks emits `error` besides failing its query; without a listener that ends the process.
  const onIdleError = options.onIdleError ?? (() => undefined);
  pool.on('error', onIdleError);
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    await checkServer(pool, url, timeout);
  } catch (error) {
    await pool.end();
    throw error instanceof MusterError ? error : unreachable(error, url);
  }
  return pool;
}

function newPool(url: string, options: PoolOptions, timeout: number): Pool {
  refuseBadUrl(url);
  return new PgPool({
    connectionString: url,
    application_name: options.applicationName ?? 'muster',
    max: options.max ?? 10,
    connectionTimeoutMillis: timeout,
    keepAlive: true,
  });
}

function refuseBadUrl(url: string): void {
  if (!/^postgres(ql)?:\/\//.test(url))
    refuse('database_url_invalid', { reason: 'it does not begin with postgres://' });
  try {
    void new PgClient({ connectionString: url });
  } catch {
    // Without the cause, which quotes the address and the password with it.
    refuse('database_url_invalid', {
      reason: 'it is not a URL; special characters in a password are written as %XX',
    });
  }
}

async function checkServer(pool: Pool, url: string, timeout: number): Promise<void> {
  const row = await firstRow(pool, Date.now() + timeout);
  const version = Math.floor(Number(row.version) / 10_000);
  if (version < OLDEST) {
    refuse('database_too_old', { address: databaseAddress(url), version, needed: OLDEST });
  }
  if (row.encoding !== 'UTF8') {
    refuse('database_encoding', { address: databaseAddress(url), encoding: row.encoding });
  }
  if (typeof row.path === 'string') keepPath(pool, row.path);
}

interface ServerRow {
  version: string;
  encoding: string;
  path: string | null;
}

/** A server that is still starting up is waited for, within the time that a connection may take. */
async function firstRow(pool: Pool, deadline: number): Promise<ServerRow> {
  for (;;) {
    try {
      const { rows } = await pool.query<ServerRow>(
        `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding,
          ${readOwnPath} AS path`,
      );
      const row = rows[0];
      if (row !== undefined) return row;
    } catch (error) {
      const starting = error instanceof DatabaseError && error.code === STARTING_UP;
      if (!starting || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
