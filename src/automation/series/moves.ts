import type { UserRecord } from '../../filter/record.js';
import type { MessageTemplate } from './model.js';

/**
 * Where one person stands in a series.
 *
 *     entering --> active --> completed | exited
 *         |------> held_out (let in, never sent anything)
 *         '------> refused (never came in)
 */
export type SeriesState =
  | { readonly status: 'entering' }
  | Active
  | { readonly status: 'completed'; readonly reason: 'end' | 'goal' }
  | { readonly status: 'exited'; readonly reason: ExitReason }
  | { readonly status: 'held_out' }
  | { readonly status: 'refused'; readonly reason: RefusalReason };

/** At a step. `visit` counts the arrivals of this enrolment at any step, so that no two places of it are alike. */
export interface Active {
  readonly status: 'active';
  readonly step: string;
  readonly visit: number;
  /** When the step was reached, in milliseconds since 1970 (UTC); waits count from it. */
  readonly since: number;
}

/** `broken`: the definition has no such step, or moves in a circle without a rest. */
export type ExitReason = 'exit_filter' | 'exit_step' | 'suppressed' | 'broken';
export type RefusalReason = 'trigger' | 'audience' | 'suppressed' | 'inside' | 'entered_before' | 'too_soon';

/** What the machine may know besides the definition. Plain data: production reads it from Postgres, simulation makes it up. */
export interface Facts {
  /** With the company, and with every event that the series' filters and waits ask about (see `eventsAskedFor`). */
  readonly person: UserRecord;
  /** Zone of the person; the workspace's where theirs is missing or no zone. */
  readonly zone: string;
  readonly workspaceZone: string;
  /** No message may be sent to this person. */
  readonly suppressed: boolean;
  /** What made the person stand at the entrance; asked for while entering only. */
  readonly happening: Happening | null;
  /** Earlier entries into this series; asked for while entering only. */
  readonly entries: EarlierEntries;
  /** When this person was sent messages, by any series, within the longest frequency cap; milliseconds since 1970. */
  readonly contacts: readonly number[];
  /** What became of the delivery that the machine asked for; null where none was made since. */
  readonly outcome: Outcome | null;
}

export interface Happening {
  readonly kind:
    'user_created' | 'event' | 'segment_entered' | 'segment_left' | 'date' | 'schedule' | 'by_hand';
  /** Name of the event, or key of the segment. */
  readonly name: string | null;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface EarlierEntries {
  readonly count: number;
  readonly inside: boolean;
  /** The last entry, in milliseconds since 1970. */
  readonly lastAt: number | null;
}

/** An outcome of another step or visit is old news and moves nothing. */
export interface Outcome {
  readonly step: string;
  readonly visit: number;
  /**
   * `failed`: given up after the last attempt. `unreachable`: the channel cannot reach this person, and nothing was tried.
   * `suppressed`, `capped`: the claim found that it may not be sent after all.
   */
  readonly result: 'delivered' | 'failed' | 'unreachable' | 'suppressed' | 'capped';
  /** Why, where there is more to say. */
  readonly detail?: string | null;
}

export interface SendEffect {
  readonly kind: 'send';
  readonly step: string;
  readonly visit: number;
  readonly channel: string;
  readonly endpoint?: string;
  readonly message: MessageTemplate;
}

export interface WebhookEffect {
  readonly kind: 'webhook';
  readonly step: string;
  readonly visit: number;
  readonly endpoint: string;
  readonly payload: Readonly<Record<string, unknown>> | null;
}

/** Written in the transaction that commits the move. */
export interface SetTraitEffect {
  readonly kind: 'set_trait';
  readonly step: string;
  readonly traits: Readonly<Record<string, unknown>>;
}

export type DeliveryEffect = SendEffect | WebhookEffect;
export type Effect = DeliveryEffect | SetTraitEffect;

export interface Advance {
  readonly state: SeriesState;
  /** To be made now: traits that are set with this move, and at most one delivery, the last, whose outcome is awaited. */
  readonly effects: readonly Effect[];
  /** When to ask again, in milliseconds since 1970 (UTC): now for a delivery; null where nothing is left to do. */
  readonly wakeAt: number | null;
  /** Whether a change of the person's data or a new event could move them before that. */
  readonly listens: boolean;
  /** What happened on the way, in order: the person's story and the funnel are made of it. */
  readonly trail: readonly Footprint[];
}

/** One thing that happened at a step. `detail` says which arm, which cap, until when; never personal data. */
export interface Footprint {
  readonly step: string;
  readonly visit: number;
  readonly what:
    | 'arrived'
    | 'deferred'
    | 'capped'
    | 'suppressed'
    | 'delivered'
    | 'failed'
    | 'unreachable'
    | 'waited'
    | 'matched'
    | 'timed_out'
    | 'took_arm'
    | 'set_trait'
    | 'exited'
    | 'reached_goal';
  readonly detail: string | null;
}
