import type { Filter } from '../../filter/tree.js';
import type {
  FrequencyCap,
  MessageTemplate,
  QuietHours,
  Schedule as Recurrence,
  SendWindow,
  TimeOfDay,
  ZoneChoice,
} from '../series/model.js';

/** A checked broadcast: one message, or one of several variants, to everybody in an audience at one time. */
export interface BroadcastDefinition {
  readonly key: string;
  readonly name: string;
  readonly audience: Filter;
  readonly channel: string;
  /** At least one. A broadcast without an A/B test has one, with the key `message` and 100 percent. */
  readonly variants: readonly Variant[];
  /** Whoever unsubscribed from it is not sent to; null for a message about no topic. */
  readonly topic: string | null;
  readonly quietHours: QuietHours | null;
  readonly sendWindow: SendWindow | null;
  /** Messages of all series and broadcasts together; every one of the caps holds. */
  readonly frequencyCaps: readonly FrequencyCap[];
  /** `address`: of several people with one address only one is sent to. Null: everybody is. */
  readonly dedupe: Dedupe | null;
  /** Null where messages go as fast as the channel takes them. */
  readonly rateLimit: RateLimit | null;
  readonly schedule: Schedule;
  /** The document as it was written. */
  readonly source: Readonly<Record<string, unknown>>;
}

export interface Variant {
  readonly key: string;
  /** Share of the audience; the shares add up to 100. */
  readonly percent: number;
  readonly message: MessageTemplate;
}

/** At most so many messages begin within a second or a minute, over all workers together. */
export interface RateLimit {
  readonly messages: number;
  readonly per: 'second' | 'minute';
}

export type Dedupe = 'address';

export type Schedule =
  | { readonly kind: 'now' }
  /** Again and again, from its saving on: at each run the audience of that time is sent to at once. */
  | ({ readonly kind: 'recurring' } & Recurrence)
  /** Milliseconds since 1970 (UTC). */
  | { readonly kind: 'at'; readonly at: number }
  /** A day and a time of day on the wall clock of the workspace or of each person (the workspace's where theirs is unknown). */
  | {
      readonly kind: 'local';
      /** Midnight of the day, as the milliseconds since 1970 that UTC would have at it. */
      readonly date: number;
      readonly time: TimeOfDay;
      readonly zone: ZoneChoice;
      /** What happens to a person for whom the hour is over when the broadcast is launched. */
      readonly passed: PassedRule;
    };

/** `send_now`: at once. `next_day`: when their clock next shows that time. `skip`: not at all. */
export type PassedRule = 'send_now' | 'next_day' | 'skip';

/**
 * What a launch makes of a person who matches. Where several hold, the first in this order: a person who may not be sent
 * to is never counted as merely late.
 */
export const verdicts = [
  'suppressed',
  'unreachable',
  'capped',
  'passed',
  'duplicate',
  'deferred',
  'will_send',
] as const;
export type Verdict = (typeof verdicts)[number];

/** Those who are sent to: at the time of the broadcast, or when their quiet hours are over. */
export const sendingVerdicts: readonly Verdict[] = ['deferred', 'will_send'];
