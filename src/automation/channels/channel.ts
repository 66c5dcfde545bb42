import type { UserRecord } from '../../filter/record.js';

/** A message as a channel gets it: rendered, and to one person. */
export interface OutgoingMessage {
  readonly workspaceId: string;
  /** Internal id of the person's row. */
  readonly endUserId: string;
  /** The customer's own id; null for an anonymous visitor. */
  readonly userId: string | null;
  readonly series: string;
  readonly step: string;
  readonly title: string | null;
  /** Empty where the message is a `payload`. */
  readonly text: string;
  /** The same as HTML, whole or a part; values in it are escaped. */
  readonly html?: string;
  /** The address that an e-mail goes to, the same through every attempt. */
  readonly to?: string;
  /** Where the person can say that they want no more of this, the same through every attempt. */
  readonly unsubscribeUrl?: string;
  /** Key of the endpoint that a webhook goes to. */
  readonly endpoint?: string;
  /** What a webhook step sends in place of title and text: rendered JSON, as it was first rendered. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /**
   * When the delivery was first written down, in milliseconds since 1970 (UTC), the same through every attempt. A
   * channel that shows a time shows this one, so that a repeat is the same to the byte.
   */
  readonly createdAt?: number;
}

export interface DeliveryContext {
  /** The same through every attempt of this delivery, and of no other. */
  readonly idempotencyKey: string;
  /** Aborts when the worker lost its lease, when the time limit is over, or when the process must stop. */
  readonly signal: AbortSignal;
}

/** Whom a delivery is for, before it is written down. */
export interface DeliveryAbout {
  readonly workspaceId: string;
  readonly endUserId: string;
  readonly user: UserRecord;
  /** What the message is about; null for nothing in particular. */
  readonly topic: string | null;
}

/** What a channel says of one delivery before it is written down. */
export interface DeliveryTerms {
  /** Takes the place of the channel's own, where the workspace decides. */
  readonly onLostConfirmation: Channel['onLostConfirmation'];
  /** Values of the merge tags that the channel fills itself. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * One way to reach a person.
 *
 * `deliver` resolves once the provider took the message and throws otherwise: `DeliveryRefused` where no further attempt
 * can help, `DeliveryUnreachable` where there is no way to this person, `DeliveryPostponed` where the provider said when to come again, `DeliveryUncertain` where it may have taken
 * the message and did not say so, any other error where it did not take it and the next attempt may succeed. It may be
 * called again with the same key after a crash. When the signal aborts it rejects at once with the signal's reason and
 * leaves nothing running.
 */
export interface Channel {
  readonly name: string;
  /**
   * What happens where the channel may have taken a message but the confirmation was lost (`DeliveryUncertain`, an abort,
   * a process that died): `retry_same_key` repeats with the same key, which the channel recognises; `park` leaves the
   * step `unknown` for an operator to resolve.
   */
  readonly onLostConfirmation: 'retry_same_key' | 'park';
  /**
   * What a second delivery with the same key is to the receiver. `absorbed`: nothing. `marked`: it arrives again, with
   * the key to tell it by. Left out: another message, which is why such a channel parks.
   */
  readonly onRepeat?: 'absorbed' | 'marked';
  /**
   * Milliseconds to wait after each failed attempt; after the attempt that follows the last wait the delivery is given
   * up. Left out, attempts and waits are the caller's.
   */
  readonly waits?: readonly number[];
  /** Asked before a delivery is written down, where something depends on the workspace or the person. */
  terms?(about: DeliveryAbout): Promise<DeliveryTerms>;
  deliver(message: OutgoingMessage, context: DeliveryContext): Promise<void>;
  /** Closes what the channel keeps open between deliveries. Called once, when no delivery is under way. */
  close?(): Promise<void>;
}

/** Thrown by a channel for a message that no further attempt can deliver. The reason is kept. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
}

/**
 * Thrown by a channel that has no way to the person, which it only knows once it tried. The code says why, as
 * `Unreachable` does. Nothing is wrong with the address itself, so nothing is suppressed.
 */
export class DeliveryUnreachable extends Error {
  override readonly name = 'DeliveryUnreachable';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest that a provider may put a delivery off, in milliseconds: a day. */
export const longestPostponement = 86_400_000;

/** Thrown by a channel whose provider said when to come again. The next attempt is not made before. */
export class DeliveryPostponed extends Error {
  override readonly name = 'DeliveryPostponed';
  /** Milliseconds to wait, 0 to `longestPostponement`. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super(message);
    this.retryAfter = Math.min(Math.max(0, Math.round(retryAfter)), longestPostponement);
  }
}

/**
 * Thrown by a channel that handed a message over, or began to, and did not hear whether the provider took it. Where it is
 * in doubt, it is this one: a channel that parks would send a message again that failed by any other name.
 */
export class DeliveryUncertain extends Error {
  override readonly name = 'DeliveryUncertain';
}
