import type { QuietHours, SendWindow, SeriesDefinition, Weekday, ZoneChoice } from './model.js';
import { dateOf, day, minute, minuteOf, occurrenceAfter, wallAt, weekdayOf } from './wall-clock.js';

/** When messages of a series may be sent. */

export type SendingHours = Pick<SeriesDefinition, 'quietHours' | 'sendWindow'>;

export interface Zones {
  readonly person: string;
  readonly workspace: string;
}

const dayMinutes = 24 * 60;
const weekMinutes = 7 * dayMinutes;

/**
 * The first instant from `now` on at which a message may be sent: outside the quiet hours and inside the send window.
 *
 * Both go by what the clock shows: an hour that daylight saving repeats is quiet both times, one that it skips is never.
 * Quiet hours and windows that run over midnight end on the next day; such a window belongs to the day it begins on.
 */
export function nextSendAt({ quietHours, sendWindow }: SendingHours, zones: Zones, now: number): number {
  let at = now;
  // What is saved leaves some time in every week (`leavesTimeToSend`), which a change of the clock can take once at most.
  for (let turn = 0; turn < 100; turn += 1) {
    const before = at;
    if (quietHours !== null) at = quietUntil(quietHours, zones, at);
    if (sendWindow !== null) at = openFrom(sendWindow, zones, at);
    if (at === before) return at;
  }
  return at;
}

function quietUntil({ from, to, zone }: QuietHours, zones: Zones, at: number): number {
  const wall = wallAt(at, zones[zone]);
  const shown = minuteOf(wall);
  if (!isWithin(shown, from, to)) return at;
  const end = dateOf(wall) + to * minute + (shown >= to ? day : 0);
  return occurrenceAfter(at, end, zones[zone]) ?? at + minute;
}

function openFrom(window: SendWindow, zones: Zones, at: number): number {
  const zone = zones[window.zone];
  const wall = wallAt(at, zone);
  if (isOpen(window, weekdayOf(wall), minuteOf(wall))) return at;
  const today = dateOf(wall);
  for (let ahead = 0; ahead <= 8; ahead += 1) {
    const opening = today + ahead * day + window.from * minute;
    if (!window.days.includes(weekdayOf(opening))) continue;
    const found = occurrenceAfter(at, opening, zone);
    if (found !== null) return found;
  }
  return at + day;
}

function isOpen({ days, from, to }: SendWindow, weekday: Weekday, shown: number): boolean {
  if (!isWithin(shown, from, to)) return false;
  const begunYesterday = to < from && shown < to;
  return days.includes(begunYesterday ? dayBefore(weekday) : weekday);
}

/** Whether a minute of the day lies from `from` up to `to`, over midnight where `to` is the earlier one. */
function isWithin(shown: number, from: number, to: number): boolean {
  return from < to ? shown >= from && shown < to : shown >= from || shown < to;
}

const days: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7];

function dayBefore(weekday: Weekday): Weekday {
  return days[(weekday + 5) % 7] ?? 1;
}

/** Zones differ by quarters of an hour, from one side of the date line to the other by up to 26 hours. */
const furthestApart = 26 * 60;

/**
 * Whether every person, wherever they live, has a time of the week at which a message may be sent. Where quiet hours
 * and window go by different clocks, every distance between two zones is looked at.
 */
export function leavesTimeToSend({ quietHours: quiet, sendWindow: window }: SendingHours): boolean {
  if (quiet === null || window === null) return true;
  const open = Array.from({ length: weekMinutes }, (_, at) => at).filter((at) =>
    isOpen(window, days[Math.floor(at / dayMinutes)] ?? 1, at % dayMinutes),
  );
  return distances(quiet.zone, window.zone).every((distance) =>
    open.some((at) => !isWithin((at + distance + weekMinutes) % dayMinutes, quiet.from, quiet.to)),
  );
}

function distances(one: ZoneChoice, other: ZoneChoice): number[] {
  if (one === other) return [0];
  return Array.from({ length: (2 * furthestApart) / 15 + 1 }, (_, index) => index * 15 - furthestApart);
}
