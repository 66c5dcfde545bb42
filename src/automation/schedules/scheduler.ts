import type { Pool } from '../../database/pool.js';
import type { Logger } from '../logger.js';
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
  /** Kinds besides series, each with what makes its runs. */
  readonly makers?: Readonly<Record<string, RunMaker>>;
  /** Milliseconds that a run is held without another sign of life. */
  readonly lease: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  readonly isStopping?: () => boolean;
  /** Called when there may be work that is due now. */
  readonly onWork?: () => void;
}

/** People let in by one transaction. */
const batch = 500;
/** Milliseconds after which a run lets others have their turn. */
const turn = 5000;
/** Milliseconds that finding the next people may take. */
const timeoutMs = 20_000;

/**
 * One round of a scheduler: decides about what came about, then makes a turn of one run. Answers whether there is more.
 * Any number may go round at once.
 */
export function schedulerRound(options: SchedulerOptions): () => Promise<boolean> {
  const { pool, logger, clock, definitions, lease, wait } = options;
  const series = seriesRuns(definitions, { logger, batch, timeoutMs, wait });
  const performing = {
    pool,
    logger,
    makers: { series, ...options.makers },
    lease,
    turn,
    wait,
    ...(options.isStopping === undefined ? {} : { isStopping: options.isStopping }),
    ...(options.onWork === undefined ? {} : { onStretch: options.onWork }),
  };
  return async () => {
    const { more } = await tick(pool, { clock, logger });
    const made = await performRun(performing);
    return more || made;
  };
}
