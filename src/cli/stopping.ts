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
  /** Raises `Stopped` when a signal came. */
  check(): void;
  /** Resolves at the first signal. */
  readonly asked: Promise<void>;
  /** Closes everything; what fails is left to the end of the process, which is at once when it takes too long. */
  close(): Promise<void>;
}

const patienceMs = 8000;

/** Listens to SIGINT, SIGTERM and SIGHUP from now on; a second signal ends the process at once. */
export function listenForStop(): Stopping {
  const closers: (() => Promise<unknown>)[] = [];
  let stopped = false;
  let ask = nothing;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  let first = 0;
  const onSignal = (): void => {
    // A terminal and npm may both pass on one Ctrl-C; only a later one means impatience.
    if (stopped && Date.now() - first > 1000) process.exit(130);
    if (stopped) return;
    stopped = true;
    first = Date.now();
    ask();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const check = (): void => {
    if (stopped) throw new Stopped();
  };
  return {
    asked,
    check,
    opened(close) {
      closers.push(close);
      check();
    },
    async close() {
      stopped = true;
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), patienceMs);
      });
      const end = await Promise.race([closeAll(closers), patience]);
      if (end === 'late') process.exit(process.exitCode ?? 1);
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

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
