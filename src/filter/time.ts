import { DateTime, IANAZone } from 'luxon';
import { refuse } from '../errors/index.js';
import { parseIso } from './iso8601.js';
import { offsetAt } from './offsets.js';

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

/** Start of year 1 and end of year 9999, in milliseconds since 1970 (UTC): every instant lies between them, both included. */
export const firstInstant = -62_135_596_800_000;
export const lastInstant = 253_402_300_799_999;

/**
 * One evaluation's clock: an instant and the zone that calendar units are counted in.
 * Every relative time of a filter is resolved against it once, before any reader runs.
 */
export interface Moment {
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
  /** IANA zone, such as `Europe/Berlin`. */
  readonly zone: string;
}

/** Checks and builds a moment. Errors: `bad_now`, `bad_zone`. Years outside 0001 to 9999 are refused. */
export function momentOf(now: Date | number | string, zone = 'UTC'): Moment {
  const instant = typeof now === 'number' ? now : typeof now === 'string' ? parseIso(now) : now.getTime();
  if (instant === null || !Number.isInteger(instant) || instant < firstInstant || instant > lastInstant) {
    return refuse('bad_now', { now: String(now) });
  }
  // Asking the platform takes 0.1 ms, and every call that comes in has a moment in UTC.
  if (zone !== 'UTC' && !IANAZone.isValidZone(zone)) return refuse('bad_zone', { zone });
  return { now: instant, zone };
}

/**
 * The instant of a time, in milliseconds since 1970 (UTC), by luxon. Calendar units keep the wall clock across a
 * daylight-saving change; months clamp to the month's last day; weeks begin on Monday. What would lie outside the
 * years 0001 to 9999 becomes the nearest instant inside.
 */
export function instantOf(time: Time, moment: Moment): number {
  const instant = resolve(time, moment);
  return Math.min(Math.max(instant, firstInstant), lastInstant);
}

function resolve(time: Time, moment: Moment): number {
  if (time.kind === 'at') return parseIso(time.text) ?? refuse('bad_time', { text: time.text });
  if (time.kind === 'start_of')
    return firstOf(
      local(moment)
        .plus({ [`${time.unit}s`]: time.offset })
        .startOf(time.unit),
    );
  const amount = time.kind === 'ago' ? -time.amount : time.amount;
  return (
    plainSum(moment, amount, time.unit) ??
    local(moment)
      .plus({ [time.unit]: amount })
      .toMillis()
  );
}

const fixedLengths: Partial<Record<Unit, number>> = { minutes: 60_000, hours: 3_600_000 };
const calendarDays: Partial<Record<Unit, number>> = { days: 86_400_000, weeks: 604_800_000 };

/**
 * What luxon's sum is where no clock changes near it, at a twentieth of the cost; null where luxon has to say. A filter
 * is asked about thousands of instants in a simulation, and its times are all that has to be found anew.
 */
function plainSum({ now, zone }: Moment, amount: number, unit: Unit): number | null {
  const exact = fixedLengths[unit];
  if (exact !== undefined) return now + amount * exact;
  const days = calendarDays[unit];
  if (days === undefined) return null;
  const here = offsetAt(now, zone);
  const sum = now + here + amount * days;
  // Both a day before and a day after: between them no change is missed, whichever way it goes.
  const there = offsetAt(sum - 86_400_000, zone);
  return there === offsetAt(sum + 86_400_000, zone) ? sum - there : null;
}

/** A zone's wall clock costs more to find than all else about a time, and one filter asks for it several times. */
const wallClocks = new WeakMap<Moment, DateTime>();

function local(moment: Moment): DateTime {
  let found = wallClocks.get(moment);
  if (found === undefined) {
    found = DateTime.fromMillis(moment.now, { zone: moment.zone });
    wallClocks.set(moment, found);
  }
  return found;
}

/** The earlier instant where the clock is put back over midnight and the day's start is on it twice: a day starts once. */
function firstOf(wallClock: DateTime): number {
  return Math.min(...wallClock.getPossibleOffsets().map((possible) => possible.toMillis()));
}

/** Whether the time moves with `now`. */
export function isRelative(time: Time): boolean {
  return time.kind !== 'at';
}
