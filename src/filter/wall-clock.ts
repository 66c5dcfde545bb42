import { offsetAt } from './offsets.js';

/**
 * Wall clocks of zones. A wall time is written as the milliseconds since 1970 that UTC would have if its clocks showed
 * it, so that calendar arithmetic is plain arithmetic.
 */

const day = 86_400_000;

/** What the zone's clocks show at an instant. */
export function wallAt(instant: number, zone: string): number {
  return instant + offsetAt(instant, zone);
}

/** Midnight of the wall time's date. */
export function dateOf(wall: number): number {
  return Math.floor(wall / day) * day;
}

/** Every instant at which the zone's clocks show the wall time, in order; the next valid minute where there is none. */
export function occurrencesOf(wall: number, zone: string): number[] {
  const before = offsetAt(wall - day, zone);
  const after = offsetAt(wall + day, zone);
  const found = (before === after ? [before] : [before, after])
    .filter((offset) => offsetAt(wall - offset, zone) === offset)
    .map((offset) => wall - offset)
    .toSorted((a, b) => a - b);
  if (found.length > 0) return found;
  // The clock went forward over it: the instant of the change lies between the two readings.
  let low = wall - Math.max(before, after);
  let high = wall - Math.min(before, after);
  const old = offsetAt(low, zone);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle, zone) === old) low = middle;
    else high = middle;
  }
  return [high];
}
