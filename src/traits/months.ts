import { DatabaseError, Pool as PgPool } from 'pg';
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

/**
 * Stores events of these instants, with their months made before. A month may be dropped while this process believes it
 * to be there; then it is made once more, and the work, which must be one that a failure undoes whole, is run again.
 */
export async function withEventMonths<T>(
  db: Database,
  instants: readonly number[],
  work: () => Promise<T>,
): Promise<T> {
  await ensureEventMonths(db, instants);
  try {
    return await work();
  } catch (error) {
    if (!isWithoutMonth(error) || !forgetEventMonths(db)) throw error;
    await ensureEventMonths(db, instants);
    return work();
  }
}

/** A row for which no partition is found is a check violation that names no constraint. */
function isWithoutMonth(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23514' && error.constraint === undefined;
}

function knownTo(db: Database): Set<string> | null {
  // What a client's transaction makes, its rollback takes away.
  if (!(db instanceof PgPool)) return null;
  const found = known.get(db) ?? new Set<string>();
  known.set(db, found);
  return found;
}
