import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionError } from '../database/unreachable.js';

/** Attempts in all, about 10 seconds: longer than that, the lease is over and the row comes back by itself. */
const attempts = 14;

/**
 * The same function, tried again while Postgres is out of reach. For statements that are harmless to repeat where the
 * first one did commit and only its answer was lost.
 */
export function persistent<Item, Result>(
  run: (item: Item) => Promise<Result>,
): (item: Item) => Promise<Result> {
  return async (item) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await run(item);
      } catch (error) {
        if (attempt >= attempts || !isConnectionError(error)) throw error;
        await sleep(Math.min(50 * 2 ** attempt, 1000));
      }
    }
  };
}
