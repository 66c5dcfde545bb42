import { shownValue } from '../../filter/explain/show.js';
import type { UserRecord } from '../../filter/record.js';
import { isMissing, readerOf } from '../../filter/values.js';
import { entryInstant, entryOn } from './triggers.js';
import type { DateTrigger } from './triggers.js';
import { day } from './wall-clock.js';

/**
 * What the field of a date trigger holds for somebody. `unreadable`: a value that is no ISO 8601 time. `past`: its instant
 * is over and starts nothing any more. `to_come`: it will start the series, or already may at the next look.
 */
export const dateStates = ['missing', 'unreadable', 'past', 'to_come'] as const;
export type DateState = (typeof dateStates)[number];

/** The date of one person. */
export interface DateStanding {
  readonly state: DateState;
  /** The value as explanations show it, a day as that date; null where it is missing. */
  readonly seen: unknown;
  /** The instant at which it lets the person in, or did, in milliseconds since 1970 (UTC); null where it has none. */
  readonly at: number | null;
}

/**
 * Where a person's date stands. Instants up to and including `passed` are past.
 *
 * @param zone the one that `trigger.zone` asks for, see `zoneOf`
 */
export function dateStandingOf(
  trigger: DateTrigger,
  person: UserRecord,
  zone: string,
  passed: number,
): DateStanding {
  const value = readerOf(trigger.field, { now: 0, zone })(person);
  if (isMissing(value)) return { state: 'missing', seen: null, at: null };
  const seen = shownValue(value, trigger.field, true);
  const at = entryInstant(trigger, person, zone);
  if (at === null) return { state: 'unreadable', seen, at };
  return { state: at <= passed ? 'past' : 'to_come', seen, at };
}

/** The values of the field whose instants are past in one zone. */
export interface PastValues {
  /** The last midnight UTC among them. */
  readonly lastDay: number;
  /** The first other value that is not. */
  readonly firstLater: number;
}

/** Days between a value and its instant, its offset apart: two zones, and a month's end that stands for later days. */
const slack = 6 * day;

/**
 * Finds the values whose instants are at or before `passed`. A later value never has an earlier instant, so that two
 * bounds say for a whole population what `entryOn` says for one person. Days and instants have a bound each, because a day
 * is the same date in every zone.
 */
export function pastValues(trigger: DateTrigger, zone: string, passed: number): PastValues {
  const shift = passed - entryOn(trigger, passed, zone);
  const from = Math.floor((passed + shift - slack) / day);
  const days = 2 * Math.ceil(slack / day);
  const isLater = (value: number): boolean => entryOn(trigger, value, zone) > passed;
  const firstDay = from + firstOf(days, (index) => isLater((from + index) * day));
  // One millisecond into a day is as early as a time of that day can be that is no day itself.
  const firstLater =
    from * day + firstOf(days * day, (index) => isLater(from * day + index + (index % day === 0 ? 1 : 0)));
  return { lastDay: (firstDay - 1) * day, firstLater };
}

/** The first number from 0 up to `end` for which the condition holds, which goes on holding; `end` where none does. */
function firstOf(end: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
