import type { Logger } from './logger.js';

/** A task that runs again and again until it is stopped. */
export interface Loop {
  /** Runs the task now where it rests; where it runs, once more right after. */
  nudge(): void;
  /** Milliseconds since a run last came to its end without a failure, or since the start. */
  age(): number;
  /** Lets the present run finish and starts no further one. */
  stop(): Promise<void>;
}

// A stream of nudges must not become a stream of rounds that find one row each.
const breath = 10;

/**
 * Runs `task` every `every` milliseconds, and at once again while it answers that there is more. A run that fails is
 * logged and tried again after a wait that doubles up to 2 seconds; the loop itself never ends by an error.
 */
export function startLoop(name: string, every: number, logger: Logger, task: () => Promise<boolean>): Loop {
  const stopping = new AbortController();
  let again = false;
  let faults = 0;
  let succeeded = performance.now();
  let wake: (() => void) | null = null;

  const rest = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      again = false;
      let more = false;
      try {
        more = await task();
        if (faults > 0) logger.info({ loop: name, failed: faults }, 'a loop of the automation runs again');
        faults = 0;
        succeeded = performance.now();
      } catch (error) {
        faults += 1;
        // The first of a series of failures, then ever fewer: an outage must not fill the log.
        if (Number.isInteger(Math.log2(faults))) {
          const fields = { loop: name, failed: faults, error: errorText(error) };
          logger.error(fields, 'a loop of the automation failed and will be tried again');
        }
      }
      if (stopping.signal.aborted) return;
      // A nudge must not turn a failing loop into a busy one.
      if (faults > 0) await rest(Math.min(100 * 2 ** faults, 2000));
      else if (!more) {
        const ended = performance.now();
        if (!again) await rest(every);
        wake = null;
        await pause(breath - (performance.now() - ended));
      }
      wake = null;
    }
  };
  const running = run();

  return {
    nudge() {
      again = true;
      if (faults === 0) wake?.();
    },
    age: () => performance.now() - succeeded,
    async stop() {
      stopping.abort();
      wake?.();
      await running;
    },
  };
}

/** A wait that no nudge ends. */
async function pause(milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return;
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
