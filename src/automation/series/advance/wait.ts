import { later } from '../wall-clock.js';
import type { Meaning } from './view.js';

/**
 * Waits a length of time from the arrival on. Minutes and hours are exact. Days, weeks and months keep the wall-clock
 * time of the arrival in the person's zone, across daylight saving too; months clamp to the month's last day. Where that time
 * does not exist the wait is over at the next valid minute, where it exists twice at the first.
 *
 * The end is counted anew from the arrival whenever it is asked for, so that a zone that changes meanwhile moves it: somebody who flies
 * west waits longer, and somebody for whom it is past by the new clock goes on at once.
 */
export const wait: Meaning<'wait'> = (step, place, { now, zones }) => {
  const over = later(place.since, step.length, zones.person);
  if (now >= over) return { kind: 'go', to: step.next, noted: { what: 'waited', detail: null } };
  const { unit } = step.length;
  return { kind: 'rest', wakeAt: over, listens: unit !== 'minutes' && unit !== 'hours', noted: null };
};
