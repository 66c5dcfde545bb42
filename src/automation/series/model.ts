import type { Field } from '../../filter/fields.js';
import type { Unit } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';

/** A checked series. What each part means at run time is written where the machine carries it out. */
export interface SeriesDefinition {
  readonly key: string;
  readonly name: string;
  readonly trigger: Trigger;
  /** What its messages are about, which people can unsubscribe from; null where it is about nothing in particular. */
  readonly topic: string | null;
  /** Who may enter; null where everybody may. Asked once, at the entrance. */
  readonly audience: Filter | null;
  readonly entry: EntryPolicy;
  /** Whoever matches leaves, before anything else is done to them. */
  readonly exit: Filter | null;
  /** Whoever matches has reached what the series is for, and completes it. Asked before `exit`. */
  readonly goal: Filter | null;
  readonly quietHours: QuietHours | null;
  readonly sendWindow: SendWindow | null;
  /** Messages of all series together; every one of the caps holds. */
  readonly frequencyCaps: readonly FrequencyCap[];
  /** Share of the people, 0 to 50 percent, who are let in, counted and never sent anything; 0 where there is none. */
  readonly holdout: number;
  /** At least one. */
  readonly steps: readonly Step[];
  /** The document as it was written. */
  readonly source: Readonly<Record<string, unknown>>;
}

export type Trigger =
  | { readonly type: 'user_created' }
  /** Something a person did; `where` is a filter whose fields are `property:KEY`. */
  | { readonly type: 'event'; readonly event: string; readonly where: Filter | null }
  | { readonly type: 'segment_entered' | 'segment_left'; readonly segment: string }
  /** So long before (negative) or after the day in a time field, at a time of day. */
  | {
      readonly type: 'date';
      readonly field: Field;
      readonly offset: Length;
      readonly at: TimeOfDay;
      readonly zone: ZoneChoice;
    }
  /** Five-field cron, in the zone given or the workspace's. */
  | ({ readonly type: 'schedule' } & Schedule);

/** When something recurs. */
export interface Schedule {
  /** Five-field cron. */
  readonly cron: string;
  /** A zone as `zoneNamed` names it; null for the workspace's. */
  readonly zone: string | null;
  readonly catchUp: CatchUp;
}

/**
 * What becomes of runs that nobody made in time. `latest`: the last of them is made, the others are skipped. `all`: each is
 * made, in order. `none`: none is. Whatever is a day late is skipped.
 */
export type CatchUp = 'latest' | 'all' | 'none';

export type TriggerType = Trigger['type'];

/**
 * `once`: ever. `again_after`: not while inside, and so long after the last entry. `every_time`: each trigger enters,
 * also while an earlier entry is under way.
 */
export type EntryPolicy =
  | { readonly kind: 'once' }
  | { readonly kind: 'again_after'; readonly after: Length }
  | { readonly kind: 'every_time' };

/** A length of time; calendar units count in the zone of the person, as in a filter. Negative only in a date trigger. */
export interface Length {
  readonly amount: number;
  readonly unit: Unit;
}

/** Minutes since midnight on the wall clock, 0 to 1439. */
export type TimeOfDay = number;

/** `person`: their own zone, else the workspace's. */
export type ZoneChoice = 'person' | 'workspace';

/** Weekday as ISO 8601 counts: Monday is 1, Sunday 7. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** No message from `from` up to, but not including, `to`; over midnight where `to` is the earlier one. */
export interface QuietHours {
  readonly from: TimeOfDay;
  readonly to: TimeOfDay;
  readonly zone: ZoneChoice;
}

/** Messages only on these days, from `from` up to, but not including, `to`. */
export interface SendWindow {
  readonly days: readonly Weekday[];
  readonly from: TimeOfDay;
  readonly to: TimeOfDay;
  readonly zone: ZoneChoice;
}

/** At most so many messages to one person within the length of time up to now. */
export interface FrequencyCap {
  readonly messages: number;
  readonly per: Length;
  /** Of the workspace: `per` is so many calendar days of the person's, today included. */
  readonly byCalendar?: boolean;
}

/** What a message is rendered from; its texts are templates. */
export interface MessageTemplate {
  /** The subject of an e-mail. */
  readonly title: string | null;
  /** Null where it is made from `html`, which then is there. */
  readonly text: string | null;
  readonly html?: string;
}

interface StepBase {
  readonly key: string;
  /** Key of the step that follows; null for the end of the series. Written or, by default, the next in the list. */
  readonly next: string | null;
}

export type Step =
  | SendStep
  | WaitStep
  | WaitUntilTimeStep
  | WaitForStep
  | BranchStep
  | SplitStep
  | SetTraitStep
  | WebhookStep
  | ExitStep;
export type StepType = Step['type'];

/** Sends one message. */
export interface SendStep extends StepBase {
  readonly type: 'send';
  readonly channel: string;
  /** Where in the workspace it goes; only for a channel that asks for it, as Slack. */
  readonly endpoint?: string;
  readonly message: MessageTemplate;
}

/** Waits a length of time from the arrival on. */
export interface WaitStep extends StepBase {
  readonly type: 'wait';
  readonly length: Length;
}

/** Waits until the wall clock next shows a time of day, on one of the days. */
export interface WaitUntilTimeStep extends StepBase {
  readonly type: 'wait_until_time';
  readonly at: TimeOfDay;
  readonly days: readonly Weekday[];
  readonly zone: ZoneChoice;
}

/** Waits until the person matches a filter, or does something, or the time is over. */
export interface WaitForStep extends StepBase {
  readonly type: 'wait_for';
  readonly condition:
    | { readonly kind: 'filter'; readonly filter: Filter }
    | { readonly kind: 'event'; readonly event: string; readonly where: Filter | null };
  readonly timeout: Length;
  /** Where to go when the time is over; by default `next`. */
  readonly onTimeout: string | null;
}

/** Goes to the first arm whose filter matches, else to `next`. */
export interface BranchStep extends StepBase {
  readonly type: 'branch';
  readonly arms: readonly { readonly when: Filter; readonly to: string | null }[];
}

/** Goes to an arm by a stable hash of person, series and step; the shares are percentages that add up to 100. */
export interface SplitStep extends StepBase {
  readonly type: 'split';
  readonly arms: readonly { readonly percent: number; readonly to: string | null }[];
}

/** Sets traits of the person; null removes one. Known traits obey their rules, reserved ones are refused at save. */
export interface SetTraitStep extends StepBase {
  readonly type: 'set_trait';
  readonly traits: Readonly<Record<string, unknown>>;
}

/** Calls an endpoint of the workspace, signed. `payload` texts are templates. */
export interface WebhookStep extends StepBase {
  readonly type: 'webhook';
  readonly endpoint: string;
  readonly payload: Readonly<Record<string, unknown>> | null;
}

/** Leaves the series here. */
export interface ExitStep extends StepBase {
  readonly type: 'exit';
}
