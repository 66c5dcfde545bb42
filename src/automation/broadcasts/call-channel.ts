import type { Channel, OutgoingMessage } from '../channels/channel.js';
import { deliver } from '../work/deliver.js';
import type { Delivered } from '../work/deliver.js';
import type { Lease } from '../work/leases.js';

/** Calls a channel for one of many recipients. Never throws for what the channel does. */
export type CallChannel = (
  channel: Channel,
  message: OutgoingMessage,
  idempotencyKey: string,
) => Promise<Delivered>;

/**
 * Calls that share a lease: one that takes longer than `limit` milliseconds ends alone, and all of them end with the lease. One
 * listener hears for all.
 */
export function callsUnder(lease: Lease, limit: number): CallChannel {
  const underWay = new Set<AbortController>();
  lease.signal.addEventListener(
    'abort',
    () => {
      for (const own of underWay) own.abort(lease.signal.reason);
    },
    { once: true },
  );
  const { workspace, work, token } = lease;
  return async (channel, message, idempotencyKey) => {
    const own = new AbortController();
    if (lease.signal.aborted) own.abort(lease.signal.reason);
    underWay.add(own);
    const call: Lease = {
      workspace,
      work,
      token,
      signal: own.signal,
      abort: (reason) => own.abort(new Error(reason)),
      sending: true,
    };
    try {
      return await deliver(channel, message, idempotencyKey, call, limit);
    } finally {
      underWay.delete(own);
    }
  };
}
