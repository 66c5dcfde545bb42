import type { Logger } from '../automation/logger.js';
import type { Keeper } from '../embedded/index.js';
import type { Stopping } from './stopping.js';

/** Says in the log what becomes of the embedded servers, and ends the command when one of them stays away. */
export function keeperOf(log: Logger, stopping: Stopping): Keeper {
  return {
    ended: (server) => log.error({ server }, `the embedded ${server} ended; starting it again`),
    answers: (server, milliseconds) =>
      log.warn({ server, ms: milliseconds }, `the embedded ${server} answers again`),
    lost(error) {
      log.error({ code: error.code }, error.message);
      stopping.fail(error);
    },
  };
}
