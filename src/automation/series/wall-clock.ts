import { firstInstant, lastInstant } from '../../filter/time.js';
import { dateOf, occurrencesOf, wallAt } from '../../filter/wall-clock.js';
import type { Length, TimeOfDay, Weekday } from './model.js';

/**
 * Calendar arithmetic for the series machine, on the wall clocks of `filter/wall-clock.ts`.
 *
 * Daylight saving, everywhere in a series: a wall time that does not exist stands for the next valid minute, the one at
 * which the clock goes on; one that exists twice stands for the first. Luxon's own sums differ in both (02:30 that is
 * skipped becomes 03:30), so it is asked for the zones' offsets only.
 */

export { dateOf, occurrencesOf, wallAt } from '../../filter/wall-clock.js';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The instant of a wall time, within the years 0001 to 9999. */
export function instantAt(wall: number, zone: string): number {
  if (wall <= firstInstant + 2 * day) return firstInstant;
  if (wall >= lastInstant - 2 * day) return lastInstant;
  return occurrencesOf(wall, zone)[0] ?? wall;
}

/** The first instant after another one at which the zone's clocks show the wall time; null where that is past. */
export function occurrenceAfter(instant: number, wall: number, zone: string): number | null {
  return occurrencesOf(wall, zone).find((found) => found > instant) ?? null;
}

/**
 * So long after an instant. Minutes and hours are exact; days, weeks and months keep the wall clock of the zone, months
 * clamp to the month's last day. Never before the instant itself.
 */
export function later(instant: number, { amount, unit }: Length, zone: string): number {
  if (amount === 0) return instant;
  if (unit === 'minutes' || unit === 'hours') {
    return Math.min(instant + amount * (unit === 'hours' ? hour : minute), lastInstant);
  }
  return Math.max(instantAt(wallLater(wallAt(instant, zone), { amount, unit }), zone), instant);
}

/** The wall time so many calendar units after another one. */
export function wallLater(wall: number, { amount, unit }: Length): number {
  if (unit !== 'months') return wall + amount * (unit === 'weeks' ? 7 : 1) * day;
  const date = new Date(wall);
  const monthStart = new Date(0);
  monthStart.setUTCFullYear(date.getUTCFullYear(), date.getUTCMonth() + amount, 1);
  const lastDay = new Date(monthStart);
  lastDay.setUTCMonth(lastDay.getUTCMonth() + 1, 0);
  const dayOfMonth = Math.min(date.getUTCDate(), lastDay.getUTCDate());
  return monthStart.getTime() + (dayOfMonth - 1) * day + timeOfDay(wall);
}

/** Milliseconds since midnight on the wall clock. */
export function timeOfDay(wall: number): number {
  return wall - dateOf(wall);
}

/** Minutes since midnight, begun ones not counted. */
export function minuteOf(wall: number): TimeOfDay {
  return Math.floor(timeOfDay(wall) / minute);
}

const weekdays: readonly Weekday[] = [4, 5, 6, 7, 1, 2, 3];

/** The weekday of a wall time; 1 January 1970 was a Thursday. */
export function weekdayOf(wall: number): Weekday {
  const index = ((Math.floor(wall / day) % 7) + 7) % 7;
  return weekdays[index] ?? 1;
}

/** Whether the zone's clocks ever show this date; a zone that crosses the date line skips one. */
export function existsDate(date: number, zone: string): boolean {
  const noon = date + 12 * hour;
  return dateOf(wallAt(instantAt(noon, zone), zone)) === dateOf(date);
}
