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
  readonly text: string;
}

export interface DeliveryContext {
  /** The same through every attempt of this delivery, and of no other. */
  readonly idempotencyKey: string;
  /** Aborts when the worker lost its lease, when the time limit is over, or when the process must stop. */
  readonly signal: AbortSignal;
}

/**
 * One way to reach a person.
 *
 * `deliver` resolves once the provider took the message and throws otherwise; throw a `DeliveryRefused` where no
 * further attempt can help. It may be called again with the same key after a crash.
 */
export interface Channel {
  readonly name: string;
  /**
   * What happens where the channel may have taken a message but the confirmation was lost: `retry_same_key` repeats
   * with the same key, which the channel recognises; `park` leaves the step `unknown` for an operator to resolve.
   */
  readonly onLostConfirmation: 'retry_same_key' | 'park';
  deliver(message: OutgoingMessage, context: DeliveryContext): Promise<void>;
}

/** Thrown by a channel for a message that no further attempt can deliver. The reason is kept. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
}
