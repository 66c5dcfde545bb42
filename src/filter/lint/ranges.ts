/** A set of numbers as disjoint intervals in order; an end may be infinite. */
export type Ranges = readonly Range[];

export interface Range {
  readonly low: number;
  readonly lowIncluded: boolean;
  readonly high: number;
  readonly highIncluded: boolean;
}

export const allNumbers: Ranges = [
  { low: -Infinity, lowIncluded: false, high: Infinity, highIncluded: false },
];
export const noNumber: Ranges = [];

export function point(value: number): Ranges {
  return [{ low: value, lowIncluded: true, high: value, highIncluded: true }];
}

export function points(values: readonly number[]): Ranges {
  // -0 and 0 are one number.
  const distinct = new Set(values.map((value) => value + 0));
  return [...distinct].toSorted((a, b) => a - b).flatMap(point);
}

/** From `low` to `high`; empty where they stand the other way round, or meet in a point that is not included on both sides. */
export function between(low: number, high: number, lowIncluded = true, highIncluded = true): Ranges {
  const range = { low, lowIncluded, high, highIncluded };
  return isEmpty(range) ? noNumber : [range];
}

function isEmpty({ low, high, lowIncluded, highIncluded }: Range): boolean {
  return low > high || (low === high && !(lowIncluded && highIncluded));
}

/** Both sets are gone through once: a list in a filter may hold ten thousand points. */
export function intersectRanges(a: Ranges, b: Ranges): Ranges {
  const both: Range[] = [];
  let [i, j] = [0, 0];
  for (let one = a[i], other = b[j]; one !== undefined && other !== undefined; one = a[i], other = b[j]) {
    const [low, lowIncluded] = later(one, other);
    const [high, highIncluded] = earlier(one, other);
    both.push(...between(low, high, lowIncluded, highIncluded));
    if (one.high < other.high || (one.high === other.high && !one.highIncluded)) i += 1;
    else j += 1;
  }
  return both;
}

function later(a: Range, b: Range): [number, boolean] {
  if (a.low === b.low) return [a.low, a.lowIncluded && b.lowIncluded];
  return a.low > b.low ? [a.low, a.lowIncluded] : [b.low, b.lowIncluded];
}

function earlier(a: Range, b: Range): [number, boolean] {
  if (a.high === b.high) return [a.high, a.highIncluded && b.highIncluded];
  return a.high < b.high ? [a.high, a.highIncluded] : [b.high, b.highIncluded];
}

/** Every number that is not in the set. */
export function complementRanges(ranges: Ranges): Ranges {
  const rest: Range[] = [];
  let low = -Infinity;
  let lowIncluded = false;
  for (const range of ranges) {
    rest.push(...between(low, range.low, lowIncluded, !range.lowIncluded && range.low > -Infinity));
    low = range.high;
    lowIncluded = !range.highIncluded;
  }
  if (low < Infinity) rest.push(...between(low, Infinity, lowIncluded, false));
  return rest;
}

export function uniteRanges(a: Ranges, b: Ranges): Ranges {
  return complementRanges(intersectRanges(complementRanges(a), complementRanges(b)));
}
