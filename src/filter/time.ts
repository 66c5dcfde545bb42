import { refuse } from '../errors/index.js';
import { boundOfDay, boundOfInstant, dayLength, firstMoment, isDay } from './day.js';
import type { Bound } from './day.js';
import { firstInstant, lastInstant, parseIso } from './iso8601.js';
import { offsetAt, zoneNamed } from './offsets.js';
import { dateOf, wallAt } from './wall-clock.js';

export { firstInstant, lastInstant } from './iso8601.js';

export const units = ['minutes', 'hours', 'days', 'weeks', 'months'] as const;
/** `minutes` and `hours` are exact lengths; the others are calendar units in the zone. */
export type Unit = (typeof units)[number];

export const calendarUnits = ['day', 'week', 'month', 'quarter', 'year'] as const;
export type CalendarUnit = (typeof calendarUnits)[number];

/** A time as written in a filter; it becomes an instant only against a `Moment`. */
export type Time =
  | { readonly kind: 'ago' | 'from_now'; readonly amount: number; readonly unit: Unit }
  | { readonly kind: 'start_of'; readonly unit: CalendarUnit; readonly offset: number }
  | { readonly kind: 'at'; readonly text: string };

/**
 * One evaluation's clock: an instant and the zone that calendar units are counted in.
 * Every relative time of a filter is resolved against it once, before any reader runs.
 */
export interface Moment {
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
  /** A zone as `zoneNamed` names it: an IANA name such as `Europe/Berlin`, or an offset such as `UTC+2`. */
  readonly zone: string;
}

/** Checks and builds a moment. Errors: `bad_now`, `bad_zone`. Years outside 0001 to 9999 are refused. */
export function momentOf(now: Date | number | string, zone = 'UTC'): Moment {
  const instant = typeof now === 'number' ? now : typeof now === 'string' ? parseIso(now) : now.getTime();
  if (instant === null || !Number.isInteger(instant) || instant < firstInstant || instant > lastInstant) {
    return refuse('bad_now', { now: String(now) });
  }
  const named = zoneNamed(zone);
  if (named === null) return refuse('bad_zone', { zone });
  return { now: instant, zone: named };
}

/** The day that a time names as it is written, or null: a literal on midnight UTC is one, a relative time never. */
export function dayIn(time: Time): number | null {
  if (time.kind !== 'at') return null;
  const written = writtenInstant(time.text);
  return isDay(written) ? written : null;
}

/** The time as comparisons need it: resolved once, at the moment and in its zone. */
export function boundOf(time: Time, moment: Moment): Bound {
  const day = dayIn(time);
  return day === null ? boundOfInstant(instantOf(time, moment), moment.zone) : boundOfDay(day, moment.zone);
}

/**
 * The instant of a time, in milliseconds since 1970 (UTC); a day is its first moment in the zone. Calendar units keep the
 * wall clock across a daylight-saving change; months clamp to the month's last day; weeks begin on Monday; a period begins
 * with its first moment. What would lie outside the years 0001 to 9999 becomes the nearest instant inside.
 */
export function instantOf(time: Time, moment: Moment): number {
  const instant = resolve(time, moment);
  return Math.min(Math.max(instant, firstInstant), lastInstant);
}

function resolve(time: Time, moment: Moment): number {
  const { now, zone } = moment;
  if (time.kind === 'at') {
    const written = writtenInstant(time.text);
    return isDay(written) ? firstMoment(written, zone) : written;
  }
  if (time.kind === 'start_of')
    return firstMoment(periodStart(dateOf(wallAt(now, zone)), time.unit, time.offset), zone);
  const amount = time.kind === 'ago' ? -time.amount : time.amount;
  return sum(moment, amount, time.unit);
}

function writtenInstant(text: string): number {
  return parseIso(text) ?? refuse('bad_time', { text });
}

/** The first date of the period that lies so many periods from the date's own. */
function periodStart(date: number, unit: CalendarUnit, offset: number): number {
  if (unit === 'day') return date + offset * dayLength;
  const at = new Date(date);
  if (unit === 'week') return date + (offset * 7 - ((at.getUTCDay() + 6) % 7)) * dayLength;
  const months = { month: 1, quarter: 3, year: 12 }[unit];
  const month = Math.floor(at.getUTCMonth() / months) * months + offset * months;
  return new Date(0).setUTCFullYear(at.getUTCFullYear(), month, 1);
}

/**
 * What luxon's `plus` gives, at a twentieth of the cost: a filter is asked about thousands of instants in a simulation, and
 * its times are all that has to be found anew.
 */
function sum({ now, zone }: Moment, amount: number, unit: Unit): number {
  if (unit === 'minutes' || unit === 'hours') return now + amount * (unit === 'hours' ? 3_600_000 : 60_000);
  const offset = offsetAt(now, zone);
  const shown = now + offset;
  const wall =
    unit === 'months' ? monthsLater(shown, amount) : shown + amount * (unit === 'weeks' ? 7 : 1) * dayLength;
  return instantShowing(wall, offset, zone);
}

/**
 * The instant at which clocks show a wall time (milliseconds since 1970, were it UTC), `offset` being the one that they had
 * where the sum began. Of a time that they show twice the one that keeps the offset; one that they skip is as long after the
 * change as it seems to be.
 */
function instantShowing(wall: number, offset: number, zone: string): number {
  const first = offsetAt(wall - offset, zone);
  if (first === offset) return wall - offset;
  const second = offsetAt(wall - first, zone);
  return wall - Math.min(first, second);
}

/** The same time of day so many months later, at the month's last day where it is too short. */
function monthsLater(wall: number, months: number): number {
  const date = new Date(wall);
  const first = new Date(wall);
  first.setUTCDate(1);
  first.setUTCMonth(first.getUTCMonth() + months);
  const last = new Date(first);
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  return first.getTime() + (Math.min(date.getUTCDate(), last.getUTCDate()) - 1) * dayLength;
}

/** Whether the time moves with `now`. */
export function isRelative(time: Time): boolean {
  return time.kind !== 'at';
}
