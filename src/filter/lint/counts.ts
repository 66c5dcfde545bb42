import { windowStart } from '../did.js';
import { printFilter } from '../print.js';
import type { Moment } from '../time.js';
import { leavesOf } from '../tree.js';
import type { Did, Filter } from '../tree.js';
import { between } from './ranges.js';
import { noValue } from './values.js';
import type { Values } from './values.js';

/** The number of events that a `did` counts, as a subject. */
export function countSubject({ event, within, where }: Did): string {
  return `did:${JSON.stringify([event, within, where === null ? null : printFilter(where)])}`;
}

/** So many clauses are compared with each other. */
const mostCompared = 30;

export function countsIn(filter: Filter): readonly Did[] {
  return leavesOf(filter)
    .flatMap(({ leaf }) => (leaf.kind === 'did' ? [leaf] : []))
    .slice(0, mostCompared);
}

/**
 * What one count says of the others: whoever did something so often in a window, or with a condition, did it at least as often in a
 * window that begins earlier, or without the condition.
 */
export function countsImplied(
  leaf: Did,
  values: Values,
  others: readonly Did[],
  moment: Moment,
): [string, Values][] {
  const [lowest] = values.number;
  if (lowest === undefined) return [];
  const least = lowest.lowIncluded ? Math.ceil(lowest.low) : Math.floor(lowest.low) + 1;
  const atLeast = { ...noValue, number: between(least, Infinity, true, false) };
  return others
    .filter((other) => holdsAllOf(other, leaf, moment))
    .map((other) => [countSubject(other), atLeast]);
}

/** Whether every event that one counts is counted by the other. */
function holdsAllOf(wide: Did, narrow: Did, moment: Moment): boolean {
  if (wide.event !== narrow.event || startOf(wide, moment) > startOf(narrow, moment)) return false;
  if (wide.where === null) return true;
  return (
    narrow.where !== null &&
    JSON.stringify(printFilter(wide.where)) === JSON.stringify(printFilter(narrow.where))
  );
}

function startOf(leaf: Did, moment: Moment): number {
  if (leaf.within === null) return -Infinity;
  const known = starts.get(moment) ?? new WeakMap<Did, number>();
  starts.set(moment, known);
  const start = known.get(leaf) ?? windowStart(leaf.within, moment);
  known.set(leaf, start);
  return start;
}

/** A clause is looked at once for each clause around it, and a calendar is asked once. */
const starts = new WeakMap<Moment, WeakMap<Did, number>>();
