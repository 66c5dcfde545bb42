import { pause } from '../../../src/embedded/processes.js';
import type { Fault } from './fault.js';

const faults: readonly Omit<Fault, 'place'>[] = [
  {
    name: 'unsubscribe',
    weight: 2,
    async inject({ people }, random) {
      return people.forbid(random, 'unsubscribe');
    },
  },
  {
    name: 'suppress',
    async inject({ people }, random) {
      return people.forbid(random, 'suppress');
    },
  },
  {
    name: 'erase',
    async inject({ people }, random) {
      return people.erase(random);
    },
  },
  {
    name: 'rename',
    async inject({ people }, random) {
      return people.rename(random);
    },
  },
  {
    name: 'calls sent twice, in another order',
    weight: 2,
    async inject({ people }, random) {
      await people.replay(random);
      return true;
    },
  },
  {
    name: 'a message that kills its worker',
    async inject({ people }) {
      await people.poison();
      return true;
    },
  },
  {
    name: 'pause and resume',
    weight: 2,
    async inject({ people }, random) {
      await people.pauseSeries(() => pause(random.int(100, 1500)));
      return true;
    },
  },
];

export const peopleFaults: readonly Fault[] = faults.map((fault) => ({ ...fault, place: 'people' }));
