import { closeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { MusterError, problem } from '../errors/index.js';
import { isGuarded } from './guard.js';
import { withLock } from './lock.js';
import { title } from './server.js';
import type { Held } from './server.js';

/** A server that this process uses, and how to have it again on the same port, where clients look for it. */
export interface Kept {
  held: Held;
  readonly again: (pickPort: () => Promise<number>) => Promise<Held>;
}

/** Hears what becomes of the servers that are kept running. */
export interface Keeper {
  /** The server ended though nobody stopped it. */
  ended(server: string): void;
  /** It answers again, on its old address, after so many milliseconds. */
  answers(server: string, milliseconds: number): void;
  /** It could not be started again, and nobody tries any more. Error: `embedded_lost`. */
  lost(error: MusterError): void;
}

const LOOK_EVERY = 200;

/**
 * Milliseconds before each try: the first at once, all of them within half a minute. A server that comes up and ends again and again
 * uses them up as one that does not come up; one that has stood for a minute gets all of them anew.
 */
const PAUSES = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000];
const STANDS_AFTER = 60_000;

/**
 * Starts the server again each time that it ends, until `stop()`. Several processes that keep one server take turns under the folder's
 * lock: the first starts it, and the others join.
 */
export function keepRunning(
  folder: string,
  kept: Kept,
  keeper: Keeper,
  pauses: readonly number[] = PAUSES,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const pause = (ms: number): Promise<unknown> =>
    wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
  const server = title(kept.held.name);

  /** Answers with why it failed, or with undefined. */
  const startAgain = async (): Promise<unknown> => {
    try {
      await withLock(folder, async () => {
        const before = kept.held;
        kept.held = await kept.again(() => Promise.resolve(before.port));
        closeSync(before.hold);
      });
      return undefined;
    } catch (error) {
      return error;
    }
  };

  const keep = async (): Promise<void> => {
    let tries = 0;
    let stands = performance.now();
    for (;;) {
      // The guard's pipe tells of the server's end for those that joined too, and never takes a stranger for it.
      while (!signal.aborted && isGuarded(kept.held.hold)) await pause(LOOK_EVERY);
      if (signal.aborted) return;
      const ended = performance.now();
      if (ended - stands > STANDS_AFTER) tries = 0;
      keeper.ended(server);
      let failed: unknown = new Error('it ended again and again');
      do {
        const ms = pauses[tries];
        if (ms === undefined) return keeper.lost(lost(server, folder, failed));
        tries += 1;
        await pause(ms);
        if (signal.aborted) return;
        failed = await startAgain();
      } while (failed !== undefined);
      stands = performance.now();
      keeper.answers(server, Math.round(stands - ended));
    }
  };

  const work = keep();
  return {
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

function lost(server: string, folder: string, cause: unknown): MusterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MusterError(problem('embedded_lost', { server, reason, folder }), { cause });
}
