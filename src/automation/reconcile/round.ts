import type { Pool } from '../../database/pool.js';
import type { Logger } from '../logger.js';
import type { Observer } from '../observer.js';
import { readInvariants } from './invariants.js';
import { removeOldRuns } from '../schedules/remove-old.js';
import type { Clock } from '../schedules/clock.js';
import { noteSilence } from '../series/silence.js';
import { reconciler } from './walk.js';

export interface ReconcileOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** Milliseconds that a row may stay enqueued. */
  readonly enqueuedFor: number;
  /** Days for which refusals at the entrance are kept. */
  readonly decisionsKept: number;
  readonly observe?: Observer | undefined;
  /** By which silent series are found; Postgres' when left out. */
  readonly clock?: Clock | undefined;
}

/**
 * One round of the reconciler: looks at the next stretch of what is under way, repairs what can be repaired without a
 * guess, says what it found, and removes what has been kept long enough. Answers how many rows became due.
 */
export function reconcileRound({
  pool,
  logger,
  enqueuedFor,
  decisionsKept,
  observe,
  clock,
}: ReconcileOptions): () => Promise<number> {
  const walk = reconciler(pool);
  return async () => {
    const { stranded, undelivered } = await walk();
    observe?.found?.('stranded', stranded);
    observe?.found?.('undelivered', undelivered);
    if (stranded > 0) {
      logger.error(
        { stranded },
        'people inside a series had nothing planned any more; they are looked at again',
      );
    }
    if (undelivered > 0) {
      logger.error({ undelivered }, 'steps count as done although their delivery does not say so');
    }
    const found = await readInvariants(pool, enqueuedFor);
    if (found.enqueuedTooLong + found.claimedPastLease > 0) {
      logger.warn(found, 'work is not taken up again as it should be');
    }
    for (const fallen of await noteSilence(pool, clock)) {
      logger.warn(
        fallen,
        'a series has let nobody in for longer than its history explains; its report may say why',
      );
    }
    await pool.query(removeDecisions, [decisionsKept]);
    for (const statement of removeOldRuns) await pool.query(statement);
    return stranded;
  };
}

const removeDecisions = `
  DELETE FROM series_decisions WHERE (workspace_id, id) IN (
    SELECT workspace_id, id FROM series_decisions
    WHERE decided_at < statement_timestamp() - $1 * interval '1 day' ORDER BY decided_at LIMIT 10000
  )`;
