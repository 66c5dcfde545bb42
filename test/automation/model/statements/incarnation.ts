import type { Database } from '../database.js';

/** The counter that was committed last; 0 before the first. */
export function readCounter(db: Database, queue: string): number {
  return db.incarnations.get(queue) ?? 0;
}

/** As the statement of `checkIncarnation`; null where another process was faster. */
export function beginIncarnation(
  db: Database,
  queue: string,
  seen: number,
): { counter: number; count: number } | null {
  if (readCounter(db, queue) !== seen) return null;
  const counter = seen + 1;
  db.incarnations.set(queue, counter);
  let count = 0;
  for (const row of db.work.values()) {
    if (row.state !== 'enqueued') continue;
    row.state = 'pending';
    count += 1;
  }
  return { counter, count };
}
