import { admits, occurrencesOf, stepsOf, windowStart } from '../did.js';
import { compilePredicate } from '../predicate.js';
import type { UserRecord } from '../record.js';
import { lastInstant } from '../time.js';
import type { Moment } from '../time.js';
import type { Did } from '../tree.js';
import { crossings } from './crossings.js';

/**
 * The first instant after now at which so many times are, or are no longer, what was asked for, because an event left
 * the window or the time of a later one came. `where` must hold no relative time: then the events that match stay the same.
 *
 * At an instant x those events count that have come and that the window's start has not passed. While none comes, the
 * count depends only on how many the start has passed, and it passes them in the order of their times. So two events decide:
 * the one whose going, and the one whose coming back where a clock is put back, would carry the count over a step.
 */
export function didFlip(leaf: Did, user: UserRecord, moment: Moment): number | null {
  const matches = leaf.where === null ? (): boolean => true : compilePredicate(leaf.where, moment);
  const times = occurrencesOf(leaf.event, user)
    .flatMap(({ instant, record }) => (!Number.isNaN(instant) && matches(record) ? [instant] : []))
    .toSorted((a, b) => a - b);
  const arrivals = [...new Set(times.filter((time) => time > moment.now && time <= lastInstant))];
  const verdict = admits(leaf.count, countAt(leaf, times, moment));
  const starts = [moment.now, ...arrivals];
  for (const [position, now] of starts.entries()) {
    const at = { ...moment, now };
    if (admits(leaf.count, countAt(leaf, times, at)) !== verdict) return now;
    const turn = turnWithout(leaf, times, at);
    if (turn !== null && turn <= lastInstant && turn < (starts[position + 1] ?? Infinity)) return turn;
  }
  return null;
}

function countAt(leaf: Did, times: readonly number[], moment: Moment): number {
  return firstAfter(times, moment.now) - passedAt(leaf, times, moment);
}

/** How many of the sorted times the window's start has passed. */
function passedAt({ within }: Did, times: readonly number[], moment: Moment): number {
  return within === null ? 0 : firstAfter(times, windowStart(within, moment) - 1);
}

/** How many of the sorted times are not after the instant. */
function firstAfter(times: readonly number[], instant: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Infinity) <= instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first instant after now at which the verdict turns if no further event comes. */
function turnWithout(leaf: Did, times: readonly number[], moment: Moment): number | null {
  const { within } = leaf;
  if (within === null) return null;
  const come = firstAfter(times, moment.now);
  const count = come - passedAt(leaf, times, moment);
  const steps = stepsOf(leaf.count);
  const least = Math.max(0, ...steps.filter((step) => step <= count));
  const most = Math.min(...steps.filter((step) => step > count)) - 1;
  const passes = (time: number | undefined, wanted: boolean): number[] => {
    if (time === undefined) return [];
    const candidates = crossings({ kind: 'ago', ...within }, time, moment).filter((at) => at > moment.now);
    const found = [...new Set(candidates)]
      .toSorted((a, b) => a - b)
      .find((now) => time < windowStart(within, { ...moment, now }) === wanted);
    return found === undefined ? [] : [found];
  };
  const turns = [
    // One more has gone than the verdict bears.
    ...passes(come - least < come ? times[come - least] : undefined, true),
    // One fewer has gone than the verdict bears.
    ...passes(come - most > 0 ? times[come - most - 1] : undefined, false),
  ];
  return turns.length === 0 ? null : Math.min(...turns);
}
