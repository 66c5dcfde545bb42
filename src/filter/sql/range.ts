import type { CompareOperator } from '../tree.js';
import { firstInstant, lastInstant } from '../time.js';
import type { Parameters } from './parameters.js';

/** Instants `from <= t < to`, in milliseconds since 1970; null leaves an end open. */
export interface Range {
  readonly from: number | null;
  readonly to: number | null;
}

/**
 * A comparison at millisecond precision as a half-open range, which leaves the column bare: a stored
 * 12:00:00.000900 counts as 12:00:00.000. `!=` has no single range: it is the two sides of `==`.
 */
export function rangeOf(operator: Exclude<CompareOperator, '!='>, instant: number): Range {
  switch (operator) {
    case '==':
      return { from: instant, to: instant + 1 };
    case '<':
      return { from: null, to: instant };
    case '<=':
      return { from: null, to: instant + 1 };
    case '>':
      return { from: instant + 1, to: null };
    case '>=':
      return { from: instant, to: null };
  }
}

/**
 * `expression` lies in the range. An open end gets the bound that every time has, because a range with one end makes
 * a generic plan expect a third of the table and read all of it, while one with two ends keeps the index.
 */
export function within(expression: string, range: Range, parameters: Parameters): string {
  const from = range.from === null ? first : bindInstant(range.from, parameters);
  const to = range.to === null ? beyond : bindInstant(range.to, parameters);
  return `${expression} >= ${from} AND ${expression} < ${to}`;
}

/** `expression` lies outside the range; NULL where it is missing. */
export function outside(expression: string, from: number, to: number, parameters: Parameters): string {
  return `(${expression} < ${bindInstant(from, parameters)} OR ${expression} >= ${bindInstant(to, parameters)})`;
}

const first = "'0001-01-01 00:00:00+00'";
const beyond = "'10000-01-01 00:00:00+00'";

export function bindInstant(instant: number, parameters: Parameters): string {
  return `${parameters.bind(instantText(instant))}::timestamptz`;
}

/**
 * An instant as text that Postgres reads the same under every setting. What lies outside the years 0001 to 9999 becomes
 * the nearest bound, which compares alike with every time that can be stored.
 */
export function instantText(instant: number): string {
  if (instant > lastInstant) return '10000-01-01T00:00:00.000+00:00';
  return new Date(Math.max(instant, firstInstant)).toISOString().slice(0, -1) + '+00:00';
}
