import { dayLength, isDay } from './day.js';
import { mayBeDay } from './fields.js';
import type { Field } from './fields.js';
import { boundOf, instantOf } from './time.js';
import type { Moment, Time } from './time.js';
import type { CompareOperator } from './tree.js';

/**
 * The stored times that a comparison admits, in milliseconds since 1970: one range for instants and days, and the few days
 * near its ends that are on the other side of it than their midnight UTC. So readers compare what is stored, and
 * ask no row for a zone. Where the zone is UTC, or no midnight lies between an end and its wall clock, there are no such days.
 */
export interface Admitted {
  /** `from <= time < to`; infinite where open. Nothing lies in it where `from` is not below `to`. */
  readonly from: number;
  readonly to: number;
  /** Days outside of the range that are admitted. */
  readonly also: readonly number[];
  /** Days inside of it that are not. */
  readonly without: readonly number[];
}

export type RangeOperator = Exclude<CompareOperator, '==' | '!='>;

/** What an ordering admits of a field's times. */
export function admittedBy(operator: RangeOperator, time: Time, field: Field, moment: Moment): Admitted {
  if (!mayBeDay(field)) {
    const instant = instantOf(time, moment);
    return plain(ranges[operator](instant, instant + 1));
  }
  const { instant, day, dayAfter } = boundOf(time, moment);
  return joined(ranges[operator](instant, instant + 1), ranges[operator](day, dayAfter));
}

/** What `between` admits, both ends included. */
export function admittedBetween(low: Time, high: Time, field: Field, moment: Moment): Admitted {
  if (!mayBeDay(field)) return plain([instantOf(low, moment), instantOf(high, moment) + 1]);
  const [first, last] = [boundOf(low, moment), boundOf(high, moment)];
  return joined([first.instant, last.instant + 1], [first.day, last.dayAfter]);
}

/** The stored times that are equal to one of these, each once and in order. */
export function equalTimes(times: readonly Time[], field: Field, moment: Moment): number[] {
  const found = new Set<number>();
  for (const time of times) {
    if (!mayBeDay(field)) {
      found.add(instantOf(time, moment));
      continue;
    }
    const { instant, day, dayAfter } = boundOf(time, moment);
    // What is stored on midnight is a day, so that it is equal to another instant.
    if (!isDay(instant)) found.add(instant);
    for (let each = day; each < dayAfter; each += dayLength) found.add(each);
  }
  return [...found].toSorted((a, b) => a - b);
}

/**
 * What lies in a range of instants, where days are counted by their first moments: `from <= time < to`.
 *
 * @param ends the bounds of the two ends, made by `boundOfInstant`; null leaves an end open
 */
export function admittedFrom(from: End | null, to: End | null): Admitted {
  return joined(
    [from?.instant ?? -Infinity, to?.instant ?? Infinity],
    [from?.day ?? -Infinity, to?.day ?? Infinity],
  );
}

interface End {
  readonly instant: number;
  readonly day: number;
}

export function isPlain({ also, without }: Admitted): boolean {
  return also.length === 0 && without.length === 0;
}

/** The one range that holds all that is admitted. */
export function spanOf({ from, to, also }: Admitted): Pick<Admitted, 'from' | 'to'> {
  const [first = from] = also;
  const last = also.at(-1) ?? to - 1;
  if (from >= to && also.length > 0) return { from: first, to: last + 1 };
  return { from: Math.min(from, first), to: Math.max(to, last + 1) };
}

/** What is admitted as ranges that do not meet: the one range without the days that are not, then each day outside of it. */
export function rangesOf({ from, to, also, without }: Admitted): Pick<Admitted, 'from' | 'to'>[] {
  const starts = [from, ...without.map((day) => day + 1)];
  const ends = [...without, to];
  const inside = starts.map((start, at) => ({ from: start, to: ends[at] ?? to }));
  const days = also.map((day) => ({ from: day, to: day + 1 }));
  const ranges = [...inside, ...days].filter((range) => range.from < range.to);
  return ranges.length > 0 ? ranges : [{ from, to }];
}

/** Whether a stored time is admitted; NaN, which is no time, never is. */
export function admits({ from, to, also, without }: Admitted, time: number): boolean {
  return (time >= from && time < to && !without.includes(time)) || also.includes(time);
}

type Ends = readonly [from: number, to: number];

/** `at` is the first that is not earlier, `after` the first that is later. */
const ranges: Readonly<Record<RangeOperator, (at: number, after: number) => Ends>> = {
  '<': (at) => [-Infinity, at],
  '<=': (_, after) => [-Infinity, after],
  '>': (_, after) => [after, Infinity],
  '>=': (at) => [at, Infinity],
};

function plain([from, to]: Ends): Admitted {
  return { from, to, also: [], without: [] };
}

function joined(instants: Ends, days: Ends): Admitted {
  const also: number[] = [];
  const without: number[] = [];
  for (const day of new Set([...midnights(instants[0], days[0]), ...midnights(instants[1], days[1])])) {
    const inRange = day >= instants[0] && day < instants[1];
    const admitted = day >= days[0] && day < days[1];
    if (admitted && !inRange) also.push(day);
    if (inRange && !admitted) without.push(day);
  }
  return {
    from: instants[0],
    to: instants[1],
    also: also.toSorted((a, b) => a - b),
    without: without.toSorted((a, b) => a - b),
  };
}

/** Midnights from one to the other, whichever is first; the later one is not among them. */
function midnights(one: number, other: number): number[] {
  const found: number[] = [];
  if (one === other) return found;
  const end = Math.max(one, other);
  for (let at = Math.ceil(Math.min(one, other) / dayLength) * dayLength; at < end; at += dayLength)
    found.push(at);
  return found;
}
