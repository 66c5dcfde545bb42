import { firstInstant, lastInstant } from './iso8601.js';
import { occurrencesOf, wallAt, dateOf } from './wall-clock.js';

/**
 * Days. A time that a customer sets and that falls exactly on midnight UTC is a day, however it was written. A day stands
 * for its first moment in the zone of the question; every other time is an instant.
 *
 * A day is held as that midnight, in milliseconds since 1970, wherever it is stored. `mayBeDay` says of which fields the
 * values can be days.
 */

export const dayLength = 86_400_000;

/** Whether a time is a day, if it is a customer's. False of NaN, which is no time. */
export function isDay(time: number): boolean {
  return time % dayLength === 0;
}

/**
 * The first instant at which the zone's clocks show the date: 00:00, the first of two, or what they show first where 00:00
 * is skipped. A date that is skipped whole begins with the date after it.
 */
export function firstMoment(day: number, zone: string): number {
  if (day < firstInstant) return firstInstant;
  if (day > lastInstant) return lastInstant;
  const [first = day] = occurrencesOf(day, zone);
  return Math.min(Math.max(first, firstInstant), lastInstant);
}

/** The instant that a customer's time stands for in the zone: of a day its first moment. NaN stays NaN. */
export function instantOfStored(time: number, zone: string): number {
  return isDay(time) ? firstMoment(time, zone) : time;
}

/**
 * A time to compare with, in one zone. Days are compared by `day` and `dayAfter`, so that no row needs a zone: a day
 * before `day` is earlier, one from `dayAfter` on is later, and one between them is equal.
 */
export interface Bound {
  /** What instants are compared with. */
  readonly instant: number;
  readonly day: number;
  readonly dayAfter: number;
  /** Whether it is a day itself. */
  readonly isDay: boolean;
}

/** Days compare with a day by date. */
export function boundOfDay(day: number, zone: string): Bound {
  return { instant: firstMoment(day, zone), day, dayAfter: day + dayLength, isDay: true };
}

/** Days compare with an instant by their first moments. Several dates are equal to it where a zone skipped one. */
export function boundOfInstant(time: number, zone: string): Bound {
  // Beyond all times that can be stored, every end is the same.
  const instant = Math.min(Math.max(time, firstInstant), lastInstant + 1);
  // The date that the clocks show has begun. A clock that was put back over midnight shows a date that is over.
  let last = Math.min(dateOf(wallAt(instant, zone)), lastInstant + 1 - dayLength);
  while (last + dayLength < lastInstant && firstMoment(last + dayLength, zone) <= instant) last += dayLength;
  let day = last + dayLength;
  while (day > firstInstant && firstMoment(day - dayLength, zone) === instant) day -= dayLength;
  return { instant, day, dayAfter: last + dayLength, isDay: false };
}

/**
 * Negative, zero or positive, as a stored time is earlier than the bound, equal or later.
 *
 * @param isDayed whether the time is a day
 */
export function orderOf(time: number, isDayed: boolean, bound: Bound): number {
  if (!isDayed) return Math.sign(time - bound.instant);
  return time < bound.day ? -1 : time < bound.dayAfter ? 0 : 1;
}

/** `2026-12-05`: a day is shown as that date in every zone. */
export function dayText(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

/** A day as `2026-12-05`, an instant in full. */
export function timeText(time: number, isDayed: boolean): string {
  return isDayed ? dayText(time) : new Date(time).toISOString();
}
