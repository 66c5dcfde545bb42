import { crossings, stepsOf } from '../horizon/crossings.js';
import { instantOf, lastInstant } from '../time.js';
import type { Time } from '../time.js';

/** Instants in milliseconds since 1970 (UTC), both included. */
export interface Passed {
  readonly low: number;
  readonly high: number;
}

/**
 * The stored times that a relative time may pass, reach or leave while `now` goes from one instant to another. It runs along
 * with `now`, but not always forward: it steps back where a clock is put back, and at the ends of months.
 */
export function passedBetween(time: Time, from: number, to: number, zone: string): Passed {
  const at = (now: number): number => instantOf(time, { now, zone });
  let low = Math.min(at(from), at(to));
  let high = Math.max(at(from), at(to));
  for (const step of stepsOf(time, from, to, zone)) {
    low = Math.min(low, at(step), at(step - 1));
    high = Math.max(high, at(step), at(step - 1));
  }
  return { low, high };
}

const day = 86_400_000;

/**
 * The next instant at which somebody may be passed, where `value` is the least stored time that is not below the bound now (null
 * where there is none): when the bound comes to it, or steps, whichever is first. Null where neither ever happens. A calendar
 * unit is looked at again after a day at the latest, which costs one look at an index.
 */
export function nextPassing(time: Time, value: number | null, now: number, zone: string): number | null {
  const [crossing = null] =
    value === null
      ? []
      : crossings(time, value, { now, zone })
          .filter((at) => at > now && at <= lastInstant)
          .toSorted((a, b) => a - b);
  const moves = time.kind !== 'at' && time.unit !== 'minutes' && time.unit !== 'hours';
  if (!moves) return crossing;
  const [step = now + day] = stepsOf(time, now, now + day, zone);
  return crossing === null ? step : Math.min(crossing, step);
}
