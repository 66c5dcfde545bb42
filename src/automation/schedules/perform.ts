import type { Client, Pool } from '../../database/pool.js';
import { errorText } from '../loop.js';
import type { Logger } from '../logger.js';
import { giveBackRun, makeStretch, noteFailure, renewRun, RunLost, takeRun } from './runs.js';
import type { Progress, TakenRun } from './runs.js';

/** What a run has to work with. */
export interface RunContext {
  readonly pool: Pool;
  readonly run: TakenRun;
  /** Makes a stretch in one transaction of the workspace. Answers whether the run goes on here and now. */
  stretch(work: (client: Client) => Promise<Progress>): Promise<boolean>;
}

/**
 * Makes a run of one kind of schedule, stretch by stretch, until it says that the run is over or is told to leave the rest
 * to a later turn. It may be cut off anywhere between two stretches and is called again with the cursor of the last.
 */
export type RunMaker = (context: RunContext) => Promise<void>;

export interface PerformOptions {
  readonly pool: Pool;
  readonly logger: Logger;
  /** By the kind of schedule. */
  readonly makers: Readonly<Record<string, RunMaker>>;
  /** Milliseconds that a run is held without another sign of life: how long one of a killed scheduler waits. */
  readonly lease: number;
  /** Milliseconds after which a run lets others have their turn. */
  readonly turn: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  /** Whether to come to an end. */
  readonly isStopping?: (() => boolean) | undefined;
  /** Called after each stretch: it may have made work that is due now. */
  readonly onStretch?: (() => void) | undefined;
}

/** Takes one run and makes as much of it as fits into a turn. Answers whether there was one. */
export async function performRun(options: PerformOptions): Promise<boolean> {
  const { pool, logger, makers, lease } = options;
  const run = await takeRun(pool, lease);
  if (run === null) return false;
  const { workspace, kind, key } = run;
  const named = { workspace, kind, key, scheduled_for: new Date(run.scheduledFor).toISOString() };
  const maker = makers[kind];
  try {
    if (maker === undefined) throw new Error(`nothing here makes runs of the kind \`${kind}\``);
    await holding(options, run, () => maker(contextOf(options, run)));
    await giveBackRun(pool, run);
  } catch (error) {
    if (error instanceof RunLost) {
      logger.warn(named, 'a run of a schedule was taken over by another process');
      return true;
    }
    const attempts = run.attempts + 1;
    const failed = await noteFailure(pool, run, errorText(error), options.wait(attempts));
    logger.error(
      { ...named, attempts, failed, error: errorText(error) },
      'a run of a schedule could not go on',
    );
  }
  return true;
}

function contextOf({ pool, lease, turn, isStopping, onStretch }: PerformOptions, run: TakenRun): RunContext {
  const end = performance.now() + turn;
  return {
    pool,
    run,
    async stretch(work) {
      const { over } = await makeStretch(pool, run, lease, work);
      onStretch?.();
      return over === undefined && performance.now() < end && isStopping?.() !== true;
    },
  };
}

/** Renews the lease while the work goes on: to find the first people of many can take longer than that. */
async function holding(
  { pool, lease, logger }: PerformOptions,
  run: TakenRun,
  work: () => Promise<void>,
): Promise<void> {
  let renewing = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewRun(pool, run, lease).catch((error: unknown) =>
      logger.warn({ error: errorText(error) }, 'the hold on a run of a schedule could not be renewed'),
    );
  }, lease / 3);
  try {
    await work();
  } finally {
    clearInterval(timer);
    await renewing;
  }
}
