import { Cron } from 'croner';
import type { UserRecord } from '../../filter/record.js';
import { columnInstant, isMissing, readerOf } from '../../filter/values.js';
import type { Trigger } from './model.js';
import { dateOf, day, instantAt, isZone, minute, occurrencesOf, wallAt, wallLater } from './wall-clock.js';

/** When triggers that go by the clock come about. Instants are in milliseconds since 1970 (UTC). */

export type DateTrigger = Extract<Trigger, { readonly type: 'date' }>;
export type ScheduleTrigger = Extract<Trigger, { readonly type: 'schedule' }>;

/**
 * The instant at which a date trigger lets this person in; null where the field is missing or holds no time.
 *
 * It is `at` on the day that lies `offset` from the day in the field. A date without a time (`2026-03-01`, or midnight
 * UTC to the millisecond, which is how a column keeps such a date) is that day in every zone; any other time is the day
 * that it falls on in the zone. Where `at` does not exist on the day it is the next valid minute, where it exists twice the first.
 *
 * @param zone the one that `trigger.zone` asks for, see `zoneOf`
 */
export function entryInstant(trigger: DateTrigger, person: UserRecord, zone: string): number | null {
  // Derived fields are refused at save, so that no clock is needed to read this one.
  const value = readerOf(trigger.field, 0)(person);
  if (isMissing(value)) return null;
  const instant = columnInstant(value);
  if (Number.isNaN(instant)) return null;
  const date = instant % day === 0 ? instant : dateOf(wallAt(instant, zone));
  return instantAt(dateOf(wallLater(date, trigger.offset)) + trigger.at * minute, zone);
}

/**
 * The first instant after `after` at which a schedule comes about; null where it never does again.
 *
 * The five fields are read on the wall clock of `trigger.zone`, else of the workspace: a time that does not exist on a
 * day comes about at the next valid minute, one that exists twice at the first.
 */
export function nextScheduled(trigger: ScheduleTrigger, after: number, workspaceZone: string): number | null {
  const zone = trigger.zone ?? workspaceZone;
  const cron = cronOf(trigger.cron);
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
  if (text.trim().split(/\s+/).length !== 5) return 'must have five fields';
  try {
    return cronOf(text).nextRun(new Date(0)) === null ? 'never comes about' : null;
  } catch (error) {
    return error instanceof Error ? faultIn(error.message) : String(error);
  }
}

function faultIn(message: string): string {
  return message.replace(/^CronPattern: /, '').replace(/\.$/, '');
}

/** The zone that a choice means for one person. */
export function zoneOf(choice: 'person' | 'workspace', person: string, workspace: string): string {
  return choice === 'person' && isZone(person) ? person : workspace;
}
