import type { Pool } from '../../database/pool.js';
import { renewLeases } from './give-back.js';
import type { Held } from './give-back.js';

/** A claim while this process works on it. */
export interface Lease extends Held {
  /** Aborts when the claim is lost. */
  readonly signal: AbortSignal;
  abort(reason: string): void;
  /** Set once the channel is being called: from then on the claim is not given back. */
  sending: boolean;
}

interface Entry {
  readonly lease: Lease;
  /** When the lease surely is over, on this process's monotonic clock. */
  until: number;
}

/** The claims that this process holds, and their renewal. */
export interface Leases {
  add(held: Held): Lease;
  remove(held: Held): void;
  /** Extends all of them in one statement; whoever lost a claim is told through its signal. */
  renew(): Promise<void>;
  /** Tells everyone to stop, and answers the claims that were not sending. */
  abandon(reason: string): Held[];
}

export function holdLeases(pool: Pool, length: number): Leases {
  const entries = new Map<string, Entry>();
  return {
    add({ workspace, work, token }) {
      const controller = new AbortController();
      const lease: Lease = {
        workspace,
        work,
        token,
        signal: controller.signal,
        abort: (reason) => controller.abort(new Error(reason)),
        sending: false,
      };
      entries.set(token, { lease, until: performance.now() + length });
      return lease;
    },
    remove({ token }) {
      entries.delete(token);
    },
    async renew() {
      const held = [...entries.values()];
      if (held.length === 0) return;
      const asked = performance.now();
      try {
        const kept = await renewLeases(
          pool,
          held.map((entry) => entry.lease),
          length,
        );
        for (const entry of held) {
          if (kept.has(entry.lease.token)) entry.until = asked + length;
          else entry.lease.abort('the claim was lost');
        }
      } catch (error) {
        for (const entry of held)
          if (entry.until < performance.now()) entry.lease.abort('the lease could not be renewed');
        throw error;
      }
    },
    abandon(reason) {
      const held = [...entries.values()];
      for (const entry of held) entry.lease.abort(reason);
      return held.filter((entry) => !entry.lease.sending).map((entry) => entry.lease);
    },
  };
}
