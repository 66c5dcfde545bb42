import type { Channel } from '../channels/channel.js';
import type { Begun } from './begin-delivery.js';
import { openGate } from './gate.js';

type Allowed = Extract<Begun, { readonly verdict: 'send' }>;
type Denied = Exclude<Begun, Allowed>;

/** Brings a delivery to its channel when its turn comes; answers what the call did, or why there was none. */
export type TakeTurn = <Called>(
  channel: Pick<Channel, 'onLostConfirmation'>,
  writeDown: () => Promise<Begun>,
  call: (begun: Allowed) => Promise<Called>,
) => Promise<Called | Denied>;

/** Deliveries written down ahead of their call, in multiples of those that are called at once. */
const ahead = 4;

/**
 * Lets so many calls be under way at once. A few more deliveries are written down before their turn, many in one
 * statement, so that no call waits for Postgres; not where a channel parks what was lost, because what a killed process
 * had written down and not called would be parked as well.
 */
export function takingTurns(concurrency: number): TakeTurn {
  const called = openGate(concurrency);
  const writtenDown = openGate(concurrency * ahead);
  return async (channel, writeDown, call) => {
    if (channel.onLostConfirmation === 'park') {
      return called.through(async () => {
        const begun = await writeDown();
        return begun.verdict === 'send' ? call(begun) : begun;
      });
    }
    return writtenDown.through(async () => {
      const begun = await writeDown();
      return begun.verdict === 'send' ? called.through(() => call(begun)) : begun;
    });
  };
}
