import type { CatchUp } from '../series/model.js';
import { nextLook, nextScheduled } from '../series/triggers.js';
import type { ClockTrigger, ScheduleTrigger } from '../series/triggers.js';
import { day, minute } from '../series/wall-clock.js';

/** What of a schedule came about since the last look, and what becomes of it. Instants are in milliseconds since 1970 (UTC). */

/** A run that comes about is on time until so much later. */
export const punctual = 5 * minute;
/** What is later than that is not made any more. */
export const catchUpBound = day;

/**
 * `paused`: it came about in a pause. `superseded`: a later run of the schedule is due as well. `too_late`: a day has
 * passed. `missed`: it was not made in time, and the schedule catches nothing up.
 */
export type SkipReason = 'paused' | 'superseded' | 'too_late' | 'missed';

/** Runs that follow each other and are not made, for one reason. */
export interface Skip {
  readonly first: number;
  readonly last: number;
  readonly runs: number;
  readonly reason: SkipReason;
}

/** Where a schedule stands. */
export interface Standing {
  readonly plan: ClockTrigger;
  readonly paused: boolean;
  /** Since when it is not paused. */
  readonly resumedAt: number;
  /** Whatever came about up to here is decided about. */
  readonly decidedUntil: number;
  /** Zone of the workspace when it was last looked at, and now. */
  readonly zoneBefore: string;
  readonly zone: string;
}

export interface Decided {
  /** The scheduled instants of the runs that are made, in order. */
  readonly runs: readonly number[];
  readonly skips: readonly Skip[];
  readonly decidedUntil: number;
  /** When to look again; null where it never comes about again. */
  readonly next: number | null;
}

/** Instants looked at in one go, which takes tens of milliseconds: after a year away, a schedule of every minute takes many. */
const mostAtOnce = 250;

/**
 * Decides about everything that came about up to `now`. Of a date trigger one look makes up for all that were missed; it
 * knows by itself who was missed. A clock that went back has nothing come about, and goes on from where it stands now.
 */
export function decide(standing: Standing, now: number): Decided {
  const { plan, decidedUntil, zone } = standing;
  if (plan.type === 'date') {
    // The last of the looks up to now.
    const look = nextLook(plan, now) - 15 * minute;
    return {
      runs: look > decidedUntil ? [look] : [],
      skips: [],
      decidedUntil: now,
      next: nextLook(plan, now),
    };
  }
  const runs: number[] = [];
  const skips: Skip[] = [];
  // What came about until now did so in the zone that the workspace had.
  let at = nextScheduled(plan, Math.min(decidedUntil, now), standing.zoneBefore);
  for (let seen = 0; at !== null && at <= now; seen += 1) {
    if (seen === mostAtOnce) return { runs, skips, decidedUntil: at - 1, next: at };
    const following = nextScheduled(plan, at, standing.zoneBefore);
    const reason = skipReason(plan, at, following === null || following > now, standing, now);
    if (reason === null) runs.push(at);
    else addSkip(skips, at, reason, runs.at(-1) ?? null);
    at = following;
  }
  return { runs, skips, decidedUntil: now, next: nextScheduled(plan, now, zone) };
}

function skipReason(
  { catchUp }: ScheduleTrigger,
  at: number,
  isLast: boolean,
  { paused, resumedAt }: Standing,
  now: number,
): SkipReason | null {
  if (paused || at < resumedAt) return 'paused';
  const late = now - at;
  if (isLast && late <= punctual) return null;
  if (late > catchUpBound) return 'too_late';
  return missed[catchUp](isLast);
}

const missed: Readonly<Record<CatchUp, (isLast: boolean) => SkipReason | null>> = {
  latest: (isLast) => (isLast ? null : 'superseded'),
  all: () => null,
  none: (isLast) => (isLast ? 'missed' : 'superseded'),
};

/** Runs skipped one after the other for one reason are told of together. */
function addSkip(skips: Skip[], at: number, reason: SkipReason, lastRun: number | null): void {
  const before = skips.at(-1);
  if (before?.reason === reason && (lastRun === null || lastRun < before.first)) {
    skips[skips.length - 1] = { ...before, last: at, runs: before.runs + 1 };
  } else skips.push({ first: at, last: at, runs: 1, reason });
}
