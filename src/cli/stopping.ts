import type { MusterError } from '../errors/index.js';

/** Raised where a start notices that it was asked to stop meanwhile. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/**
 * Everything that a start has opened, closed in the opposite order, once, by a signal or by a failure.
 * A signal that comes while something is being opened takes effect when that is done.
 */
export interface Stopping {
  /** Registers how to close what was just opened; raises `Stopped` when a signal came meanwhile. */
  opened(close: () => Promise<unknown>): void;
  /** Raises `Stopped` when a signal came, and the failure when there is one. */
  check(): void;
  /** Resolves with the first signal; rejects with what `fail` was given. */
  readonly asked: Promise<NodeJS.Signals>;
  /** Stops because of a failure that nobody waited for; the exit code is the failure's. */
  fail(error: MusterError): void;
  /** Closes everything; what fails is left to the end of the process, which is at once when it takes too long. */
  close(): Promise<void>;
}

/** Seconds that a stop may take where nothing else is asked for. */
export const defaultDrain = 10;

/**
 * The part of a stop, in milliseconds, that steps and requests under way may take: what remains of the deadline is for
 * giving back and closing connections.
 */
export function timeForWork(drainSeconds: number): number {
  return Math.max(0, drainSeconds * 1000 - Math.min(2000, drainSeconds * 300));
}

/**
 * Listens to SIGINT, SIGTERM and SIGHUP from now on; a second signal ends the process at once, and so does a stop that
 * is not over `drainSeconds` after it began.
 */
export function listenForStop(drainSeconds = defaultDrain): Stopping {
  const closers: (() => Promise<unknown>)[] = [];
  let stopped = false;
  let failure: MusterError | undefined;
  let ask: (signal: NodeJS.Signals) => void = nothing;
  let fail: (error: MusterError) => void = nothing;
  const asked = new Promise<NodeJS.Signals>((resolve, reject) => {
    ask = resolve;
    fail = reject;
  });
  // A failure may come while the start does not wait for this yet; `check` raises it then.
  asked.catch(nothing);
  let first = 0;
  let closing = false;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    // A terminal and npm may both pass on one Ctrl-C; only a later one means impatience.
    if (stopped && performance.now() - first > 1000) process.exit(128 + (numbers[signal] ?? 2));
    if (stopped) return;
    stopped = true;
    first = performance.now();
    // Counted from the signal on, whatever is being opened just then.
    timer = setTimeout(() => process.exit(process.exitCode ?? 1), drainSeconds * 1000);
    timer.unref();
    ask(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  const check = (): void => {
    if (failure !== undefined) throw failure;
    if (stopped) throw new Stopped();
  };
  return {
    asked,
    check,
    fail(error) {
      failure ??= error;
      // A stop that takes too long ends the process with this.
      process.exitCode = error.exit;
      fail(error);
    },
    opened(close) {
      closers.push(close);
      check();
    },
    async close() {
      if (closing) return;
      closing = true;
      stopped = true;
      timer ??= setTimeout(() => process.exit(process.exitCode ?? 1), drainSeconds * 1000);
      await closeAll(closers);
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const numbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const nothing = (): void => undefined;

async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (let each = closers.pop(); each !== undefined; each = closers.pop()) {
    try {
      await each();
    } catch {
      // The next ones still have to close.
    }
  }
}
