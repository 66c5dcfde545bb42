import { Pool as PgPool } from 'pg';
import type { Client, Pool } from '../database/pool.js';
import { inTransaction } from '../database/transaction.js';
import { retryLost } from './retry.js';

/** A pool, or a client that the caller has already put inside a transaction. */
export type Database = Pool | Client;

/**
 * Runs the work in one transaction: a new one on a connection of the pool, or the caller's own when a client is given.
 * The caller of a client commits or rolls back; everything done here stands or falls with that. A new transaction that
 * loses against another one is run again.
 */
export async function atomically<T>(db: Database, work: (client: Client) => Promise<T>): Promise<T> {
  return db instanceof PgPool ? retryLost(() => inTransaction(db, work)) : work(db);
}
