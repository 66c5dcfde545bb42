import type { Pool } from '../../database/pool.js';
import { ensureEventMonths } from '../months.js';
import { startRounds } from '../rounds.js';
import type { Rounds } from '../rounds.js';
import { pruneMessages } from './messages.js';
import { freeNames } from './names.js';
import { pruneRefusals } from './refusals.js';
import { analyzeEvents } from './statistics.js';

/** Months after this one that are made ahead. */
const monthsAhead = 2;

export interface UpkeepOptions {
  /** Milliseconds between two rounds. */
  readonly every: number;
  /** Hears of each part of a round that failed; the next round tries again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds since 1970 (UTC); default the clock. */
  readonly clock?: () => number;
}

/**
 * Keeps the tables of ingest in order until it is stopped: makes this month of events and the next two, forgets old message
 * ids a stretch at a time, has all events analyzed when they grew, removes old refusals, and gives
 * back the room of names that nothing has. Any number of processes may do so.
 */
export function startUpkeep(pool: Pool, { every, onError, clock = Date.now }: UpkeepOptions): Rounds {
  // Somewhere, so that processes that never live long do not all look at the beginning.
  let from = Math.floor(Math.random() * 2 ** 31);
  const parts = [
    () => makeMonthsAhead(pool, clock()),
    async () => {
      from = (await pruneMessages(pool, { now: clock(), from })).next;
    },
    () => analyzeEvents(pool),
    () => pruneRefusals(pool, { now: clock() }),
    () => freeNames(pool, { now: clock() }),
  ];
  const round = async (): Promise<void> => {
    for (const part of parts) await part().catch(onError);
  };
  return startRounds(every, round, onError);
}

/** Makes the month (UTC) of the instant and the two after it, where they are missing, so that no event waits for its month. */
export async function makeMonthsAhead(pool: Pool, now: number): Promise<void> {
  const at = new Date(now);
  const month = (ahead: number): number => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead);
  const months = Array.from({ length: monthsAhead + 1 }, (_, ahead) => month(ahead));
  await ensureEventMonths(pool, months);
}
