import { mostSteps } from './job.js';
import type { DueJob } from './take-due.js';

/** Steps that one job carries. */
export interface Slice {
  readonly jobs: readonly [DueJob, ...DueJob[]];
  /** Milliseconds until all of them are due. */
  readonly delay: number;
  /** Whether they come a second time: they are late already, and go before what waits. */
  readonly again: boolean;
}

/** Milliseconds that a step may come later for the sake of one job with others. */
const apart = 20;

/**
 * Cuts what a relay took into slices, in its order, in which workspaces take turns. Steps whose times are not the same are
 * in one slice where it makes them hardly later; none comes too early.
 */
export function slicesOf(taken: readonly DueJob[]): Slice[] {
  const slices: Slice[] = [];
  for (const again of [true, false]) {
    const some = taken.filter(({ epoch }) => epoch > 1 === again);
    const due = some.filter(({ delay }) => delay === 0);
    const later = some.filter(({ delay }) => delay > 0).toSorted((a, b) => a.delay - b.delay);
    for (const jobs of [...cut(due), ...cut(later)]) {
      slices.push({ jobs, delay: Math.max(...jobs.map(({ delay }) => delay)), again });
    }
  }
  return slices;
}

function cut(jobs: readonly DueJob[]): [DueJob, ...DueJob[]][] {
  const slices: [DueJob, ...DueJob[]][] = [];
  for (const job of jobs) {
    const slice = slices.at(-1);
    if (slice !== undefined && slice.length < mostSteps && job.delay - slice[0].delay <= apart)
      slice.push(job);
    else slices.push([job]);
  }
  return slices;
}
