import { isPlain, rangesOf, spanOf } from '../admitted.js';
import type { Admitted } from '../admitted.js';
import type { CustomField } from '../fields.js';
import { firstInstant, lastInstant } from '../time.js';
import type { Condition } from './condition.js';
import { timeIndex } from './indexes.js';
import type { Parameters } from './parameters.js';
import type { Scope } from './scope.js';
import { jsonOf, textOfJson } from './scope.js';

/**
 * `expression` is a stored time that is admitted, at millisecond precision: the range is half-open, which leaves the
 * column bare, so that a stored 12:00:00.000900 counts as 12:00:00.000. One range finds the rows; the days near its ends that
 * are on the other side are looked at among those alone.
 *
 * @param day the part of the expression whose times can be days, where not all of it is
 */
export function within(
  expression: string,
  admitted: Admitted,
  parameters: Parameters,
  day = expression,
): string {
  const { from, to, also, without } = admitted;
  if (isPlain(admitted)) return inSpan(expression, { from, to }, parameters);
  const span = spanOf(admitted);
  const isOn = (each: number): string => inMillisecond(day, each, parameters);
  const exact = [
    ...(from > span.from ? [`${expression} >= ${bindInstant(from, parameters)}`] : []),
    ...(to < span.to ? [`${expression} < ${bindInstant(to, parameters)}`] : []),
    ...without.map((each) => `(${isOn(each)}) IS NOT TRUE`),
  ].join(' AND ');
  const rows = inSpan(expression, span, parameters);
  return also.length === 0
    ? `${rows} AND ${exact}`
    : `${rows} AND (${[exact, ...also.map(isOn)].join(' OR ')})`;
}

/**
 * An open end gets the bound that every time has, because a range with one end makes a generic plan expect a third of the
 * table, beside one half per cent with two ends, and turn away from the index.
 */
function inSpan(
  expression: string,
  { from, to }: Pick<Admitted, 'from' | 'to'>,
  parameters: Parameters,
): string {
  const low = from === -Infinity ? first : bindInstant(from, parameters);
  const high = to === Infinity ? beyond : bindInstant(to, parameters);
  return `${expression} >= ${low} AND ${expression} < ${high}`;
}

/** Whether a stored time is a day; NULL where it is missing. */
export function isDayText(expression: string): string {
  return `(${expression} AT TIME ZONE 'UTC')::time < '00:00:00.001'`;
}

function inMillisecond(expression: string, time: number, parameters: Parameters): string {
  return inSpan(expression, { from: time, to: time + 1 }, parameters);
}

/** `expression` is none of these times, and not missing. */
export function noneOf(expression: string, times: readonly number[], parameters: Parameters): string {
  if (times.length === 0) return `${expression} IS NOT NULL`;
  return times
    .map((time) => {
      const from = bindInstant(time, parameters);
      return `(${expression} < ${from} OR ${expression} >= ${bindInstant(time + 1, parameters)})`;
    })
    .join(' AND ');
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
 * is compared first: it is never further than an offset (15:59) from the instant, and plain text mostly lies outside. For the same
 * reason the days near an end are ranges of their own, which the index answers without reading a row's time again.
 */
export function withinWritten(field: CustomField, admitted: Admitted, { row, parameters }: Scope): Condition {
  const text = `${textOfJson(row, field)} COLLATE "C"`;
  const span = spanOf(admitted);
  const from = parameters.bind(dateBefore(span.from - offsetSpan));
  const to = parameters.bind(dateAfter(span.to + offsetSpan));
  const time = writtenTime(row, field);
  const ranges = rangesOf(admitted).map((range) => inSpan(time, range, parameters));
  const exact = ranges.length === 1 ? ranges.join('') : `(${ranges.join(' OR ')})`;
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
