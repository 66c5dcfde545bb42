import { instantOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { FrequencyCap } from './model.js';

/** After which instant messages count for a cap, in milliseconds since 1970 (UTC); `moment` has the person's zone. */
export function capSince({ per, byCalendar = false }: FrequencyCap, moment: Moment): number {
  if (!byCalendar) return instantOf({ kind: 'ago', ...per }, moment);
  // The first instant of the day counts too.
  return instantOf({ kind: 'start_of', unit: 'day', offset: 1 - per.amount }, moment) - 1;
}
