import type { EventRecord, UserRecord } from './record.js';
import { instantOf } from './time.js';
import type { Moment } from './time.js';
import type { CompareOperator, Count, Did, Window } from './tree.js';
import { columnInstant, isObject } from './values.js';

/** What every in-memory reader of `did` needs: the events it asks about, when they happened, and how a count compares. */

/** One event of the name that was asked for. */
export interface Occurrence {
  /** Milliseconds since 1970 (UTC); NaN when the record holds no time, which is in no window. */
  readonly instant: number;
  /** The event as a record whose custom fields are its properties, for the condition in `where`. */
  readonly record: UserRecord;
}

/** The user's events of that name, in the order of the record. What is no event is passed over. */
export function occurrencesOf(event: string, user: UserRecord): Occurrence[] {
  const list: unknown = user.events;
  if (!Array.isArray(list)) return [];
  const events: readonly unknown[] = list;
  return events.flatMap((each) =>
    isEvent(each) && each.event === event
      ? [{ instant: columnInstant(each.occurred_at), record: recordOfEvent(each) }]
      : [],
  );
}

function isEvent(value: unknown): value is EventRecord {
  return isObject(value) && 'event' in value && 'occurred_at' in value;
}

/** An event as the record that `property:` fields are read from. */
export function recordOfEvent(event: EventRecord): UserRecord {
  return { custom_fields: event.properties };
}

/** The instants from `from` to `to`, both included, in which an event counts. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export function spanOf({ within }: Did, moment: Moment): Span {
  return { from: within === null ? -Infinity : windowStart(within, moment), to: moment.now };
}

export function windowStart(within: Window, moment: Moment): number {
  return instantOf({ kind: 'ago', ...within }, moment);
}

export function isIn({ from, to }: Span, instant: number): boolean {
  return instant >= from && instant <= to;
}

/** Whether so many times are what was asked for. */
export function admits({ operator, value }: Count, times: number): boolean {
  return comparisons[operator](times, value);
}

const comparisons: Readonly<Record<CompareOperator, (times: number, value: number) => boolean>> = {
  '==': (times, value) => times === value,
  '!=': (times, value) => times !== value,
  '<': (times, value) => times < value,
  '<=': (times, value) => times <= value,
  '>': (times, value) => times > value,
  '>=': (times, value) => times >= value,
};

/**
 * The least number of times from which on the verdict of a count no longer changes, for every step of it: `>= 3` has
 * one at 3, `== 3` has them at 3 and 4. Below the first and between two of them every number has the same verdict.
 */
export function stepsOf({ operator, value }: Count): number[] {
  if (operator === '>=' || operator === '<') return [value];
  if (operator === '>' || operator === '<=') return [value + 1];
  return [value, value + 1];
}
