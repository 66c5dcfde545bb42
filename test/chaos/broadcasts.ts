import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { pause } from '../../src/embedded/processes.js';
import { progressFaults } from './laws/progress.js';
import type { Progress } from './laws/progress.js';
import type { Pause } from './people.js';
import { flash, news, operator } from './subject/broadcasts.js';
import type { Which } from './subject/broadcasts.js';

/** A launch, with times of this process in milliseconds since 1970. */
export interface Launch extends Which {
  readonly pauses: Pause[];
  /** When its cancellation was asked for, and when it was answered. */
  cancelling?: number;
  cancelled?: number;
}

/** What was read of launches while they were under way. */
export interface Watched {
  readonly samples: number;
  readonly faults: readonly string[];
}

/**
 * Whoever sends broadcasts, and looks at how they go the whole time: lets those go on that paused themselves because the
 * provider failed too often.
 */
export interface Broadcasts {
  readonly launches: readonly Launch[];
  /** To everybody there is. Answers false where nobody is. */
  launch(): Promise<boolean>;
  /** To a part of them; answers which, or null where nobody is in it. */
  flash(): Promise<Launch | null>;
  /** Stops the latest launch that is under way, and lets it go on; answers false where there is none. */
  pause(hold: () => Promise<void>): Promise<boolean>;
  cancel(launch: Launch): Promise<boolean>;
  watched(): Watched;
  stop(): Promise<void>;
}

export interface BroadcastsOptions {
  /** By which calls are made, and what reports are read from: straight from the server. */
  readonly throughProxy: string;
  readonly databaseUrl: string;
  /** Milliseconds between two looks. */
  readonly every: number;
}

export async function startBroadcasts({
  throughProxy,
  databaseUrl,
  every,
}: BroadcastsOptions): Promise<Broadcasts> {
  const pool = await openPool(throughProxy, {
    applicationName: 'chaos-operator',
    max: 3,
    connectTimeout: 3000,
  });
  const reader = await openPool(databaseUrl, { applicationName: 'watching', max: 1, connectTimeout: 3000 });
  const stopped = new AbortController();
  const launches: Launch[] = [];
  const before = new Map<Launch, Progress>();
  const over = new Set<Launch>();
  const held = new Set<Launch>();
  const faults: string[] = [];
  let resuming: Promise<unknown> = Promise.resolve();
  let asked = 0;
  let samples = 0;

  /** Asks again until there is an answer. */
  const answered = async (call: (db: Pool) => Promise<boolean>): Promise<boolean> => {
    while (!stopped.signal.aborted) {
      try {
        return await call(pool);
      } catch {
        await pause(20);
      }
    }
    return false;
  };

  const launch = async (broadcast: string): Promise<Launch | null> => {
    asked += 1;
    const made: Launch = { broadcast, run: `run-${asked}`, pauses: [] };
    if (!(await answered((db) => operator.launch(db, made)))) return null;
    launches.push(made);
    return made;
  };

  const look = async (which: Launch): Promise<void> => {
    const { state, reason, progress } = await operator.report(reader, which);
    samples += 1;
    for (const fault of progressFaults(before.get(which), progress))
      faults.push(`${which.broadcast} ${which.run}: ${fault}`);
    before.set(which, progress);
    if (state === 'completed' || state === 'cancelled') over.add(which);
    if (state !== 'paused' || reason !== 'breaker' || held.has(which)) return;
    resuming = answered((db) => operator.resume(db, which));
    await resuming;
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      const begun = performance.now();
      for (const which of launches.filter((one) => !over.has(one) || one.cancelled === undefined)) {
        // While the server is away there is nothing to read.
        await look(which).catch(() => undefined);
      }
      await pause(Math.max(every, performance.now() - begun));
    }
  })();

  return {
    launches,
    launch: async () => (await launch(news)) !== null,
    flash: () => launch(flash),
    async pause(hold) {
      const which = launches.findLast((one) => !over.has(one) && one.cancelling === undefined);
      if (which === undefined) return false;
      held.add(which);
      await resuming;
      const isPaused = await answered((db) => operator.pause(db, which));
      if (isPaused) {
        const from = Date.now();
        await hold();
        const to = Date.now();
        await answered((db) => operator.resume(db, which));
        which.pauses.push({ from, to, over: Date.now() });
      }
      held.delete(which);
      return isPaused;
    },
    async cancel(which) {
      which.cancelling = Date.now();
      const isCancelled = await answered((db) => operator.cancel(db, which));
      if (isCancelled) which.cancelled = Date.now();
      return isCancelled;
    },
    watched: () => ({ samples, faults }),
    async stop() {
      stopped.abort();
      await watching;
      await Promise.all([pool.end(), reader.end()]);
    },
  };
}
