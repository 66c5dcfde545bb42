import { pause } from '../../../src/embedded/processes.js';
import type { Point, When } from '../failpoints.js';
import type { Random } from '../random.js';
import type { Fault, Rig } from './fault.js';

/** Where a worker is made to die while it sends a broadcast. */
const places: readonly (readonly [string, Point, When])[] = [
  ['before chunk claim', 'chunk_claim', 'before'],
  ['after chunk claim', 'chunk_claim', 'after'],
  ['during a batch being written down', 'batch_begin', 'during'],
  ['after a batch is written down', 'batch_begin', 'after'],
  ['before batch done', 'batch_finish', 'before'],
  ['during batch done', 'batch_finish', 'during'],
  ['after batch done', 'batch_finish', 'after'],
  ['before chunk end', 'chunk_end', 'before'],
  ['after chunk end', 'chunk_end', 'after'],
  ['mid addBulk of chunks', 'chunk_add_bulk', 'before'],
];

/** A worker that does not come by its place in this time is spared. */
const patience = 3000;

/** Any of them may get the chunk: all are told, and once one of them died the others are let off. */
async function killOne({ workers }: Rig, random: Random, point: Point, when: When): Promise<boolean> {
  await workers.one(random);
  const lives = workers.ready();
  for (const life of lives) life.send({ kind: 'arm', failpoint: { point, when, nth: 1 } });
  const died = lives.map(async (life) => {
    await life.gone;
    return true;
  });
  const isHit = await Promise.race([...died, pause(patience).then(() => false)]);
  for (const life of lives) life.send({ kind: 'arm', failpoint: null });
  return isHit;
}

const kills = places.map(([name, point, when]): Fault => ({
  name: `kill ${name}`,
  place: 'worker',
  async inject(rig, random) {
    // Something for them to send, where nothing is under way.
    const launching = rig.broadcasts.flash();
    const isHit = await killOne(rig, random, point, when);
    await launching;
    return isHit;
  },
}));

const changes: readonly Omit<Fault, 'place'>[] = [
  {
    name: 'broadcast paused and resumed',
    weight: 2,
    async inject({ broadcasts }, random) {
      return broadcasts.pause(() => pause(random.int(100, 1500)));
    },
  },
  {
    name: 'broadcast launched and cancelled',
    async inject({ broadcasts }, random) {
      const launch = await broadcasts.flash();
      if (launch === null) return false;
      await pause(random.int(0, 300));
      return broadcasts.cancel(launch);
    },
  },
];

export const broadcastFaults: readonly Fault[] = [
  ...kills,
  ...changes.map((fault): Fault => ({ ...fault, place: 'people' })),
];
