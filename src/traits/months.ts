import { Pool as PgPool } from 'pg';
import type { Database } from './database.js';

/** The months that each pool is known to have, as `YYYY-MM`. */
const known = new WeakMap<PgPool, Set<string>>();

/**
 * Makes the partitions of the months (UTC) that the instants lie in, where they are missing. On a pool each is made and
 * committed at once, and asked for once in a process; call it before a transaction that stores events of unusual months,
 * so that the transaction does not hold the lock under which a month is made. Given a client it is done in the client's transaction.
 */
export async function ensureEventMonths(db: Database, instants: readonly number[]): Promise<void> {
  const found = knownTo(db);
  const months = new Set(instants.map((instant) => new Date(instant).toISOString().slice(0, 7)));
  for (const month of months) {
    if (found?.has(month) === true) continue;
    await db.query('SELECT make_event_partition($1::timestamptz)', [`${month}-01T00:00:00Z`]);
    found?.add(month);
  }
}

/** Forgets which months there are, for when one was dropped. Answers whether anything was believed to be there. */
export function forgetEventMonths(db: Database): boolean {
  return db instanceof PgPool && known.delete(db);
}

function knownTo(db: Database): Set<string> | null {
  // What a client's transaction makes, its rollback takes away.
  if (!(db instanceof PgPool)) return null;
  const found = known.get(db) ?? new Set<string>();
  known.set(db, found);
  return found;
}
