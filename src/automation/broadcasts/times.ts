import { capSince } from '../series/cap-since.js';
import { nextSendAt } from '../series/sending-hours.js';
import type { Zones } from '../series/sending-hours.js';
import { dateOf, day, instantAt, minute, occurrenceAfter, wallAt } from '../series/wall-clock.js';
import type { BroadcastDefinition, Schedule } from './model.js';

/** When people are sent to, by the zone they are in. All times are milliseconds since 1970 (UTC). */

export interface Times {
  /** When the message is due. */
  readonly dueAt: number;
  /** Later than the time of the broadcast, because of quiet hours or the send window. */
  readonly deferred: boolean;
  /** Their hour was over at the launch; what happens then is the schedule's rule. */
  readonly passed: boolean;
  /** For each frequency cap, since when messages count. */
  readonly capsSince: readonly number[];
}

/** When a person in these zones is due, for a launch at `now`. */
export function timesOf(definition: BroadcastDefinition, zones: Zones, now: number): Times {
  const { schedule, frequencyCaps } = definition;
  const wanted = timeOfSchedule(schedule, zones);
  const passed = schedule.kind === 'local' && wanted !== null && wanted < now;
  const base = passed ? afterPassing(schedule, zones, now) : Math.max(wanted ?? now, now);
  const dueAt = nextSendAt(definition, zones, base);
  const moment = { now: dueAt, zone: zones.person };
  return {
    dueAt,
    deferred: dueAt > base,
    passed,
    capsSince: frequencyCaps.map((cap) => capSince(cap, moment)),
  };
}

/** Null for at once. */
function timeOfSchedule(schedule: Schedule, zones: Zones): number | null {
  if (schedule.kind === 'now' || schedule.kind === 'recurring') return null;
  if (schedule.kind === 'at') return schedule.at;
  return instantAt(schedule.date + schedule.time * minute, zones[schedule.zone]);
}

function afterPassing(schedule: Schedule, zones: Zones, now: number): number {
  if (schedule.kind !== 'local' || schedule.passed !== 'next_day') return now;
  const zone = zones[schedule.zone];
  const today = dateOf(wallAt(now, zone));
  for (let ahead = 0; ahead <= 2; ahead += 1) {
    const found = occurrenceAfter(now, today + ahead * day + schedule.time * minute, zone);
    if (found !== null) return found;
  }
  return now + day;
}

/** The clocks that are last to show any time. */
const lastZone = 'Etc/GMT+12';

/** Whether the time of the broadcast is over for everybody, wherever they live. */
export function isOver(schedule: Schedule, workspaceZone: string, now: number): boolean {
  const last = timeOfSchedule(schedule, { person: lastZone, workspace: workspaceZone });
  return last !== null && last < now;
}

/** Whether it matters in which zone a person is. */
export function goesByPerson({
  schedule,
  quietHours,
  sendWindow,
  frequencyCaps,
}: BroadcastDefinition): boolean {
  return (
    (schedule.kind === 'local' && schedule.zone === 'person') ||
    quietHours?.zone === 'person' ||
    sendWindow?.zone === 'person' ||
    frequencyCaps.some(({ per }) => per.unit !== 'minutes' && per.unit !== 'hours')
  );
}
