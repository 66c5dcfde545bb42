import type { Random } from '../random.js';
import { broadcastFaults } from './broadcasts.js';
import type { Fault } from './fault.js';
import { peopleFaults } from './people.js';
import { postgresFaults } from './postgres.js';
import { providerFaults } from './provider.js';
import { redisFaults } from './redis.js';
import { workerFaults } from './worker.js';

export type { Fault, Place, Rig } from './fault.js';

export const allFaults: readonly Fault[] = [
  ...workerFaults,
  ...redisFaults,
  ...postgresFaults,
  ...providerFaults,
  ...peopleFaults,
  ...broadcastFaults,
];

/** So many faults, dealt from shuffled decks, so that none is missing for long. */
export function dealFaults(random: Random, count: number, faults: readonly Fault[] = allFaults): Fault[] {
  const deck = faults.flatMap((fault) => Array.from({ length: fault.weight ?? 1 }, () => fault));
  const dealt: Fault[] = [];
  while (dealt.length < count) dealt.push(...random.shuffled(deck));
  return dealt.slice(0, count);
}
