import { instantOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { FrequencyCap } from './model.js';

/** After which instant messages count for a cap, in milliseconds since 1970 (UTC); `moment` has the person's zone. */
export function capSince({ per, byCalendar = false }: FrequencyCap, moment: Moment): number {
  if (!byCalendar) return instantOf({ kind: 'ago', ...per }, moment);
  // The first instant of the day counts too.
  return instantOf({ kind: 'start_of', unit: 'day', offset: 1 - per.amount }, moment) - 1;
}

/** As it stands in trails and stories: `2 per 7 days`, `1 per day`. */
export function capInWords({ messages, per: { amount, unit } }: FrequencyCap): string {
  return `${messages} per ${amount === 1 ? unit.slice(0, -1) : `${amount} ${unit}`}`;
}
