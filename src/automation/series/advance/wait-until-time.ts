import type { WaitUntilTimeStep } from '../model.js';
import { dateOf, day, existsDate, instantAt, minute, wallAt, weekdayOf } from '../wall-clock.js';
import type { Meaning } from './view.js';

/**
 * Waits until the wall clock next shows the time of day, on one of the days, after the arrival: somebody who arrives in
 * that very minute waits for the next one, so that the step surely rests.
 *
 * A 02:30 that daylight saving skips is the next valid minute of that day, 03:00; one that it repeats is the first, and somebody who
 * arrives between the two waits for the next day. A date that the zone skips is no day. The end is counted anew from
 * the arrival in the zone that the person is in, so that a zone that changes meanwhile moves it.
 */
export const waitUntilTime: Meaning<'wait_until_time'> = (step, place, { now, zones }) => {
  const at = nextTimeOfDay(step, zones[step.zone], place.since);
  if (now >= at) return { kind: 'go', to: step.next, noted: { what: 'waited', detail: null } };
  return { kind: 'rest', wakeAt: at, listens: step.zone === 'person', noted: null };
};

function nextTimeOfDay({ at, days }: WaitUntilTimeStep, zone: string, since: number): number {
  // The date of the arrival may not be shown by every clock at once, so the look begins a day early.
  const first = dateOf(wallAt(since, zone)) - day;
  for (let ahead = 0; ahead <= 16; ahead += 1) {
    const date = first + ahead * day;
    if (!days.includes(weekdayOf(date)) || !existsDate(date, zone)) continue;
    const found = instantAt(date + at * minute, zone);
    if (found > since) return found;
  }
  return since + 7 * day;
}
