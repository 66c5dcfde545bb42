import { boundOfInstant, dayLength, firstMoment } from '../day.js';
import type { Passed } from './passing.js';

/**
 * Edges run along instants, and the database holds days as midnight UTC. Here a sweep learns where among the stored times
 * those lie whose instants it looks for.
 */

/** Stored times, both ends included, among which are all those whose instants lie between the two. */
export function storedAround({ low, high }: Passed, zone: string): Passed {
  const last = boundOfInstant(high, zone).dayAfter - dayLength;
  return { low: Math.min(low, boundOfInstant(low, zone).day), high: Math.max(high, last) };
}

/** Stored times `from <= time < to`, either the days among them or the others. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly days: boolean;
}

/**
 * Where a time may be stored whose instant is not below `bound` and comes before that of another one, though it is stored as
 * late or later: an instant before a day has begun, or a day that began before an instant. Null where there is none.
 *
 * @param stored the least stored time whose instant is not below `bound`
 */
export function storedLater(stored: number, isDayed: boolean, bound: number, zone: string): Stretch | null {
  if (isDayed) {
    const from = Math.max(stored, bound);
    const to = firstMoment(stored, zone);
    return from < to ? { from, to, days: false } : null;
  }
  const day = Math.ceil(stored / dayLength) * dayLength;
  const begins = firstMoment(day, zone);
  return begins >= bound && begins < stored ? { from: day, to: day + 1, days: true } : null;
}
