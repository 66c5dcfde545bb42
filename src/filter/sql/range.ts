import type { CustomField } from '../fields.js';
import type { CompareOperator } from '../tree.js';
import { firstInstant, lastInstant } from '../time.js';
import type { Condition } from './condition.js';
import { timeIndex } from './indexes.js';
import type { Parameters } from './parameters.js';
import type { Scope } from './scope.js';
import { jsonOf, textOfJson } from './scope.js';

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
  return ranges[operator](instant);
}

const ranges: Readonly<Record<Exclude<CompareOperator, '!='>, (instant: number) => Range>> = {
  '==': (instant) => ({ from: instant, to: instant + 1 }),
  '<': (instant) => ({ from: null, to: instant }),
  '<=': (instant) => ({ from: null, to: instant + 1 }),
  '>': (instant) => ({ from: instant + 1, to: null }),
  '>=': (instant) => ({ from: instant, to: null }),
};

/**
 * `expression` lies in the range. An open end gets the bound that every time has, because a range with one end makes
 * a generic plan expect a third of the table, beside one half per cent with two ends, and turn away from the index.
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

/**
 * The time written in a custom field lies in the range. Reading a time costs some microseconds a row, so the text's date
 * is compared first: it is never further than an offset (15:59) from the instant, and plain text mostly lies outside.
 */
export function withinWritten(field: CustomField, range: Range, { row, parameters }: Scope): Condition {
  const text = `${textOfJson(row, field)} COLLATE "C"`;
  const from = parameters.bind(range.from === null ? '0' : dateBefore(range.from - offsetSpan));
  const to = parameters.bind(range.to === null ? ':' : dateAfter(range.to + offsetSpan));
  const exact = within(writtenTime(row, field), range, parameters);
  return {
    text: `${text} >= ${from}::text AND ${text} < ${to}::text AND ${exact}`,
    joint: 'and',
    indexes: timeIndex(field),
  };
}

/** The instant that is written in a custom field, or NULL. */
export function writtenTime(row: string, field: CustomField): string {
  return `muster_time${jsonOf(row, field)}`;
}

const day = 86_400_000;
const offsetSpan = 16 * 3_600_000;

/** The date of the instant, or a text before every date. */
function dateBefore(instant: number): string {
  return instant < firstInstant ? '0' : new Date(Math.min(instant, lastInstant)).toISOString().slice(0, 10);
}

/** The date after the instant's, or a text after every date. */
function dateAfter(instant: number): string {
  return instant + day > lastInstant
    ? ':'
    : new Date(Math.max(instant + day, firstInstant)).toISOString().slice(0, 10);
}
