import { Cron } from 'croner';
import { isDay } from '../../filter/day.js';
import { mayBeDay } from '../../filter/fields.js';
import { zoneNamed } from '../../filter/offsets.js';
import type { UserRecord } from '../../filter/record.js';
import { columnInstant, isMissing, readerOf } from '../../filter/values.js';
import type { Schedule, Trigger } from './model.js';
import { dateOf, day, hour, instantAt, minute, occurrencesOf, wallAt, wallLater } from './wall-clock.js';

/** When triggers that go by the clock come about. Instants are in milliseconds since 1970 (UTC). */

export type DateTrigger = Extract<Trigger, { readonly type: 'date' }>;
export type ScheduleTrigger = Extract<Trigger, { readonly type: 'schedule' }>;
/** A trigger that nothing happens to but time. */
export type ClockTrigger = DateTrigger | ScheduleTrigger;

/**
 * The instant at which a date trigger lets this person in; null where the field is missing or holds no time.
 *
 * It is `at` on the day that lies `offset` from the day in the field, which filters count as the same day (`filter/day.ts`);
 * any other time is on the day that it falls on in the zone. Where `at` does not exist on the day it is the next valid minute, where it exists twice the first.
 *
 * @param zone the one that `trigger.zone` asks for, see `zoneOf`
 */
export function entryInstant(trigger: DateTrigger, person: UserRecord, zone: string): number | null {
  // Derived fields are refused at save, so that no clock is needed to read this one.
  const value = readerOf(trigger.field, { now: 0, zone })(person);
  if (isMissing(value)) return null;
  const instant = columnInstant(value);
  return Number.isNaN(instant) ? null : entryOn(trigger, instant, zone);
}

/** The same for the instant that the field holds. */
export function entryOn({ field, offset, at }: DateTrigger, value: number, zone: string): number {
  const date = mayBeDay(field) && isDay(value) ? value : dateOf(wallAt(value, zone));
  return instantAt(dateOf(wallLater(date, offset)) + at * minute, zone);
}

/** Clocks of zones are less than that far from UTC. */
const farthestOffset = 15 * hour;

/**
 * The values of the field, both ends included, among which are all those that let somebody in between two instants,
 * whatever their zone. Who among them is due only `entryOn` tells.
 */
export function valuesDue(
  { offset, at }: DateTrigger,
  from: number,
  to: number,
): { readonly from: number; readonly to: number } {
  const back = { amount: -offset.amount, unit: offset.unit };
  // The day in the field is up to a day and two offsets away; a month's last day stands for up to three that follow it.
  const spread = day + 2 * farthestOffset + (offset.unit === 'months' ? 3 * day : 0);
  return {
    from: wallLater(from - at * minute, back) - spread,
    to: wallLater(to - at * minute, back) + spread,
  };
}

const quarter = 15 * minute;

/**
 * The first instant after `after` at which a date trigger may let somebody in: zones are whole quarters of an hour apart,
 * so that its time of day comes in one of them or another every quarter. Somebody in a zone that is not, as before zones
 * were agreed on, is let in at the next of these instants.
 */
export function nextLook({ at }: DateTrigger, after: number): number {
  const phase = (at * minute) % quarter;
  return Math.floor((after - phase) / quarter + 1) * quarter + phase;
}

/**
 * The first instant after `after` at which a schedule comes about; null where it never does again.
 *
 * The five fields are read on the wall clock of the schedule's zone, else of the workspace: a time that does not exist on a
 * day comes about at the next valid minute, one that exists twice at the first.
 */
export function nextScheduled(
  schedule: Pick<Schedule, 'cron' | 'zone'>,
  after: number,
  workspaceZone: string,
): number | null {
  const zone = schedule.zone ?? workspaceZone;
  const cron = cronOf(schedule.cron);
  let wall: Date | null = new Date(wallAt(after, zone));
  // Of the times that a repeated hour shows again, and of those in a skipped one, only the first is still to come.
  for (let turn = 0; turn < 2000; turn += 1) {
    wall = cron.nextRun(wall);
    if (wall === null) return null;
    const [first] = occurrencesOf(wall.getTime(), zone);
    if (first !== undefined && first > after) return first;
  }
  return null;
}

const crons = new Map<string, Cron>();

function cronOf(text: string): Cron {
  let cron = crons.get(text);
  if (cron === undefined) {
    if (crons.size >= 1000) crons.clear();
    // Without a function it only answers; it never runs anything.
    cron = new Cron(text, { mode: '5-part', timezone: 'UTC' });
    crons.set(text, cron);
  }
  return cron;
}

/** What is wrong with the five fields of a schedule, or null. One that never comes about, such as 31 February, is wrong too. */
export function cronFault(text: string): string | null {
  if (text.trim().split(/\s+/).length !== 5) return 'it must have five fields';
  try {
    return cronOf(text).nextRun(new Date(0)) === null ? 'it never comes about' : null;
  } catch (error) {
    return error instanceof Error ? faultIn(error.message) : String(error);
  }
}

function faultIn(message: string): string {
  const fault = message.replace(/^CronPattern: /, '').replace(/\.$/, '');
  return fault.charAt(0).toLowerCase() + fault.slice(1);
}

/** The zone that a choice means for one person. */
export function zoneOf(choice: 'person' | 'workspace', person: string, workspace: string): string {
  return choice === 'person' ? (zoneNamed(person) ?? workspace) : workspace;
}
