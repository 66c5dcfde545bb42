import type { Channel, OutgoingMessage } from '../channels/channel.js';
import {
  DeliveryPostponed,
  DeliveryRefused,
  DeliveryUncertain,
  DeliveryUnreachable,
} from '../channels/channel.js';
import { errorText } from '../loop.js';
import type { Lease } from './leases.js';

/** What became of one call of a channel. */
export type Delivered =
  | { readonly kind: 'delivered' }
  /** No further attempt can help. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** There is no way to the person; the code says why. */
  | { readonly kind: 'unreachable'; readonly reason: string; readonly code: string }
  /** `retryAfter`: milliseconds before which the provider wants no further attempt. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfter: number }
  /** Cut off in the middle, or the answer was lost: the channel may have taken it. */
  | { readonly kind: 'unconfirmed'; readonly reason: string };

/** Calls a channel within a time limit (milliseconds) and under a lease. Never throws for what the channel does. */
export async function deliver(
  channel: Channel,
  message: OutgoingMessage,
  idempotencyKey: string,
  lease: Lease,
  limit: number,
): Promise<Delivered> {
  const { signal } = lease;
  const timer = setTimeout(() => lease.abort(`no answer within ${limit} ms`), limit);
  try {
    await untilAborted(channel.deliver(message, { idempotencyKey, signal }), signal);
    return { kind: 'delivered' };
  } catch (error) {
    const reason = errorText(error);
    if (error instanceof DeliveryRefused) return { kind: 'refused', reason };
    if (error instanceof DeliveryUnreachable) return { kind: 'unreachable', reason, code: error.code };
    if (error instanceof DeliveryPostponed) return { kind: 'failed', reason, retryAfter: error.retryAfter };
    const unconfirmed = signal.aborted || error instanceof DeliveryUncertain;
    return unconfirmed ? { kind: 'unconfirmed', reason } : { kind: 'failed', reason, retryAfter: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/** A channel that does not listen to its signal must not hold the worker for ever. */
async function untilAborted(sending: Promise<void>, signal: AbortSignal): Promise<void> {
  // It may still fail when nobody waits for it any more; whoever waits hears of it through the race below.
  sending.catch(() => undefined);
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([sending, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
