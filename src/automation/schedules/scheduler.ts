import type { Pool } from '../../database/pool.js';
import { broadcastRuns } from '../broadcasts/recurring.js';
import type { Logger } from '../logger.js';
import { startLoop } from '../loop.js';
import type { Loop } from '../loop.js';
import type { DefinitionCache } from '../series/definitions.js';
import type { Clock } from './clock.js';
import { performRun } from './perform.js';
import type { RunMaker } from './perform.js';
import { seriesRuns } from './series-runs.js';
import { tick } from './tick.js';

export interface SchedulerOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly definitions: DefinitionCache;
  /** What makes the runs of a kind, in the place of what does so by default. */
  readonly makers?: Readonly<Record<string, RunMaker>>;
  /** Milliseconds that a run is held without another sign of life. */
  readonly lease: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  readonly isStopping?: (() => boolean) | undefined;
  /** Called when there may be work that is due now. */
  readonly onWork?: (() => void) | undefined;
}

/** People let in by one transaction. */
const batch = 500;
/** Milliseconds after which a run lets others have their turn. */
const turn = 5000;
/** Milliseconds that finding the next people may take. */
const timeoutMs = 20_000;

/** One look at what came about, and one turn of a run; each answers whether there is more. */
interface Rounds {
  readonly look: () => Promise<{ readonly more: boolean; readonly runs: number }>;
  readonly make: () => Promise<boolean>;
}

function roundsOf(options: SchedulerOptions): Rounds {
  const { pool, logger, clock, definitions, lease, wait, isStopping, onWork } = options;
  const series = seriesRuns(definitions, { logger, batch, timeoutMs, wait });
  const makers = { series, broadcast: broadcastRuns, ...options.makers };
  const performing = { pool, logger, makers, lease, turn, wait, isStopping, onStretch: onWork };
  return { look: () => tick(pool, { clock, logger }), make: () => performRun(performing) };
}

/**
 * One round of a scheduler: decides about what came about, then makes a turn of one run. Answers whether there is more.
 * Any number may go round at once.
 */
export function schedulerRound(options: SchedulerOptions): () => Promise<boolean> {
  const { look, make } = roundsOf(options);
  return async () => {
    const { more } = await look();
    const made = await make();
    return more || made;
  };
}

/**
 * Goes round until it is stopped. Runs are made beside the looks, because to launch a broadcast to a million people takes
 * longer than a schedule may be looked at late; what the loop tells of itself is about the looks.
 *
 * @param every milliseconds between two looks
 */
export function startScheduler(options: SchedulerOptions & { readonly every: number }): Loop {
  const { logger, every } = options;
  const { look, make } = roundsOf(options);
  const runs = startLoop('runs', every, logger, make);
  const looks = startLoop('schedules', every, logger, async () => {
    const found = await look();
    if (found.runs > 0) runs.nudge();
    return found.more;
  });
  return {
    nudge() {
      looks.nudge();
      runs.nudge();
    },
    age: () => looks.age(),
    async stop() {
      await Promise.all([looks.stop(), runs.stop()]);
    },
  };
}
