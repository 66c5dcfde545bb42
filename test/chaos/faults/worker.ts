import { pause } from '../../../src/embedded/processes.js';
import type { Point, When } from '../failpoints.js';
import type { Fault, Rig } from './fault.js';

/** Where a worker is made to die, and what the field notes call it. */
const places: readonly (readonly [string, Point, When])[] = [
  ['before claim', 'claim', 'before'],
  ['during claim', 'claim', 'during'],
  ['after claim', 'claim', 'after'],
  ['before provider', 'deliver', 'before'],
  ['during provider call', 'deliver', 'during'],
  ['after provider accept', 'deliver', 'after'],
  ['before done', 'finish', 'before'],
  ['during done', 'finish', 'during'],
  ['after done', 'finish', 'after'],
  ['during a wait being written', 'defer', 'during'],
  ['before ack', 'ack', 'before'],
  ['before relay commit', 'relay', 'before'],
  ['after relay commit', 'relay', 'after'],
  ['mid addBulk', 'add_bulk', 'before'],
  ['before intake commit', 'intake', 'before'],
  ['during intake commit', 'intake', 'during'],
  ['after intake commit', 'intake', 'after'],
];

/** A worker that does not come by its place in this time is spared. */
const patience = 3000;

const atPlaces = places.map(([name, point, when]): Fault => ({
  name: `kill ${name}`,
  place: 'worker',
  async inject({ workers }, random) {
    const life = await workers.one(random);
    const inTime = new AbortController();
    // The bulk and the commit of an intake come seldom, a claim comes often.
    const nth =
      point === 'claim' || point === 'deliver' || point === 'finish' ? random.int(1, 10) : random.int(1, 2);
    life.send({ kind: 'arm', failpoint: { point, when, nth } });
    const late = setTimeout(() => inTime.abort(), patience);
    const died = await Promise.race([
      life.gone.then(() => true),
      new Promise<false>((resolve) => {
        inTime.signal.addEventListener('abort', () => resolve(false));
      }),
    ]);
    clearTimeout(late);
    if (!died) life.send({ kind: 'arm', failpoint: null });
    return died;
  },
}));

const hour = 3_600_000;

const clockSteps = [
  ['an hour forward', hour],
  ['an hour back', -hour],
] as const;

const clocks = clockSteps.map(([name, ahead]): Fault => ({
  name: `clock ${name}`,
  place: 'worker',
  async inject({ workers }, random) {
    const life = await workers.one(random);
    life.send({ kind: 'clock', ahead });
    await pause(random.int(500, 2000));
    // Some are set right, which is a step as well; some live on with it.
    if (random.chance(0.5)) life.send({ kind: 'clock', ahead: 0 });
    return true;
  },
}));

/** So long that every lease of the worker has run out. */
function pastLease({ settings }: Rig): number {
  return settings.lease + 500;
}

export const workerFaults: readonly Fault[] = [
  ...atPlaces,
  {
    name: 'kill at random',
    place: 'worker',
    weight: 3,
    async inject({ workers }, random) {
      const life = await workers.one(random);
      await pause(random.int(0, 200));
      life.signal('SIGKILL');
      await life.gone;
      return true;
    },
  },
  {
    name: 'kill all',
    place: 'worker',
    async inject({ workers }, random) {
      await workers.one(random);
      const lives = workers.ready();
      for (const life of lives) life.signal('SIGKILL');
      await Promise.all(lives.map((life) => life.gone));
      return lives.length > 0;
    },
  },
  {
    name: 'freeze past lease',
    place: 'worker',
    weight: 2,
    async inject(rig, random) {
      const life = await rig.workers.one(random);
      life.signal('SIGSTOP');
      await pause(pastLease(rig) + random.int(0, 500));
      life.signal('SIGCONT');
      return true;
    },
  },
  {
    name: 'block event loop',
    place: 'worker',
    async inject(rig, random) {
      const life = await rig.workers.one(random);
      const ms = pastLease(rig) + random.int(0, 500);
      life.send({ kind: 'block', ms });
      await pause(ms);
      return true;
    },
  },
  {
    name: 'stop and restart',
    place: 'worker',
    async inject({ workers }, random) {
      const life = await workers.one(random);
      await workers.end(life);
      return true;
    },
  },
  {
    name: 'rolling deploy',
    place: 'worker',
    weight: 2,
    async inject({ workers }, random) {
      await workers.one(random);
      return workers.roll(random);
    },
  },
  ...clocks,
];
