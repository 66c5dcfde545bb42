import { Pool as PgPool } from 'pg';
import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';
import type { Client, Pool } from '../database/pool.js';
import { queryInWorkspace } from '../database/one-trip.js';
import { inWorkspace } from '../database/workspace.js';
import { namedBound, usualPath } from './bounds.js';
import { retryLost } from './retry.js';

/**
 * A pool, or a client that the caller has already put inside a transaction. With a pool, everything runs as a role that
 * row-level security binds to the workspace named. A client keeps the role that its caller gave it: what is bound, and to
 * which workspace, is the caller's doing.
 */
export type Database = Pool | Client;

/**
 * Runs the work in one transaction: a new one on a connection of the pool, bound to the workspace, or the caller's own
 * when a client is given. The caller of a client commits or rolls back; everything done here stands or falls with that.
 * A new transaction that loses against another one is run again.
 */
export async function atomically<T>(
  db: Database,
  workspaceId: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withNamedBounds(() =>
    db instanceof PgPool ? retryLost(() => inWorkspace(db, workspaceId, work)) : work(db),
  );
}

/** One statement as `atomically` runs it, in a transaction of its own where a pool is given. */
export async function runStatement<Row extends QueryResultRow>(
  db: Database,
  workspaceId: string,
  query: QueryConfig,
): Promise<QueryResult<Row>> {
  return withNamedBounds(() => {
    if (db instanceof PgPool) return retryLost(() => queryInWorkspace<Row>(db, workspaceId, query));
    const client: Client = db;
    return client.query<Row>(query);
  });
}

/** Errors of the database that refuse what was sent become refusals with a code. */
export async function withNamedBounds<T>(work: () => Promise<T>, path = usualPath): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw namedBound(error, path);
  }
}
