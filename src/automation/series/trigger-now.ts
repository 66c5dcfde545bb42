import { nameOf } from '../../filter/fields.js';
import type { UserRecord } from '../../filter/record.js';
import { dateStandingOf } from './dates.js';
import type { DateState } from './dates.js';
import type { Trigger, TriggerType } from './model.js';
import { nextScheduled, zoneOf } from './triggers.js';

/**
 * When the trigger of a series comes for one person. `any_time`: as soon as they do something, or a segment changes. `to_come`: at
 * `at`. `missing`, `unreadable`, `past`: their date lets them in no more, or never did. `over`: it comes once, and did.
 */
export interface TriggerNow {
  readonly type: TriggerType;
  readonly state: 'any_time' | 'over' | DateState;
  /** The field of a date trigger, and what it holds for them. */
  readonly field: string | null;
  readonly seen: unknown;
  readonly at: Date | null;
}

interface Situation {
  readonly person: UserRecord;
  readonly zone: string;
  readonly workspaceZone: string;
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
  /** Up to and including this instant what came is past. */
  readonly passed: number;
  /** No identify has named them yet, so that their `user_created` is still to come. */
  readonly awaitsIdentify: boolean;
}

export function triggerNowOf(
  trigger: Trigger,
  { person, zone, workspaceZone, now, passed, awaitsIdentify }: Situation,
): TriggerNow {
  const { type } = trigger;
  const nothing = { type, field: null, seen: null, at: null };
  if (trigger.type === 'date') {
    const { at, ...found } = dateStandingOf(
      trigger,
      person,
      zoneOf(trigger.zone, zone, workspaceZone),
      passed,
    );
    return { type, field: nameOf(trigger.field), ...found, at: at === null ? null : new Date(at) };
  }
  if (trigger.type === 'schedule') {
    const at = nextScheduled(trigger, now, workspaceZone);
    return { ...nothing, state: at === null ? 'over' : 'to_come', at: at === null ? null : new Date(at) };
  }
  const isOver = trigger.type === 'user_created' && !awaitsIdentify;
  return { ...nothing, state: isOver ? 'over' : 'any_time' };
}
