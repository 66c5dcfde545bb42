import type { Actor, Fate } from './actor.js';
import { found } from './database.js';
import { queue } from './relay.js';
import { readCounter } from './statements/incarnation.js';
import { poke, remove, setSeriesState, setTrait, unsubscribe } from './statements/changes.js';
import { workspace } from './world.js';
import type { World } from './world.js';

/** Everything that may happen next, by the name under which a failing run shows it. */

type Happens = (world: World) => void;

const fates: readonly (readonly [string, Fate])[] = [
  ['loses the answer', 'lost'],
  ['is cut off', 'cut'],
];
const callFates: readonly (readonly [string, Fate])[] = [
  ['calls, and fails', 'cut'],
  ['calls, and loses the answer', 'lost'],
  ['calls, and hears nothing', 'hung'],
  ['calls, and is refused', 'refused'],
];

/** How often each kind of event is drawn, against the others. */
const weights: (readonly [name: string, weight: number, happens: Happens])[] = [];

function event(name: string, weight: number, happens: Happens): void {
  weights.push([name, weight, happens]);
}

for (const index of [0, 1] as const) {
  const name = `relay ${index + 1}`;
  const often = index === 0 ? 2 : 1;
  const relay = (world: World): Actor => world.relays[index];
  event(`${name}: round`, 4 * often, (world) => relay(world).round());
  event(`${name}: step`, 3 * often, (world) => relay(world).step());
  // Whoever dies between commit and offer leaves rows to the slow sweep.
  const unlessWhole =
    (happens: Happens): Happens =>
    (world) =>
      world.wholeLosses ? relay(world).round() : happens(world);
  event(
    `${name}: dies`,
    1,
    unlessWhole((world) => relay(world).crash()),
  );
  for (const [words, fate] of fates)
    event(
      `${name}: ${words}`,
      1,
      unlessWhole((world) => relay(world).step(fate)),
    );
}

for (const index of [0, 1, 2] as const) {
  const name = `worker ${index + 1}`;
  event(`${name}: step`, 14, ({ workers }) => workers[index].step());
  event(`${name}: job`, 5, ({ workers }) => workers[index].round());
  event(`${name}: calls, and dies`, 2, ({ workers }) => {
    workers[index].untilCall('done');
    workers[index].crash();
  });
  event(`${name}: dies`, 2, ({ workers }) => workers[index].crash());
  event(`${name}: begins for longer than its lease, and what it held is offered again`, 2, (world) => {
    const worker = world.workers[index];
    worker.untilBegins();
    world.pass(8500, worker);
    world.sweep();
    world.relays[0].round();
  });
  event(`${name}: renews`, 1, ({ workers }) => workers[index].renew());
  event(`${name}: gives back`, 1, ({ workers }) => workers[index].abandon());
  for (const [words, fate] of fates)
    event(`${name}: ${words}`, 1, ({ workers }) => workers[index].step(fate));
  for (const [words, fate] of callFates) {
    const often = fate === 'refused' ? 1 : 2;
    event(`${name}: ${words}`, often, ({ workers }) => workers[index].untilCall(fate));
  }
}

event('a second passes', 6, (world) => world.pass(1000));
event('a lease passes', 5, (world) => world.pass(8500));
event('a lease passes, and what it held is offered again', 5, (world) => {
  world.pass(8500);
  world.sweep();
  world.relays[0].round();
});
event('a minute passes', 2, (world) => world.pass(61_000));
event('time passes to the next instant', 8, (world) => {
  const at = world.nextInstant();
  if (at !== null) world.pass(at - world.db.now);
});
event('sweep', 8, (world) => void world.sweep());

event('redis: flushed', 2, ({ redis }) => redis.flush());
event('redis: dumped', 1, (world) => {
  world.dump = world.redis.dump();
});
event('redis: an old dump restored', 1, (world) => {
  // A dump of the same life has lost a part, and nobody can tell.
  const isSameLife = world.dump.incarnation === readCounter(world.db, queue);
  if (!world.wholeLosses || !isSameLife) world.redis.restore(world.dump);
});
event('redis: loses a job', 1, (world) => {
  if (!world.wholeLosses) world.redis.lose();
});
for (const back of [0, 1, 2]) {
  event(`redis: gives a job once more (${back + 1})`, 2, ({ redis }) => redis.repeat(back));
}
event('provider: what is under way arrives', 1, ({ provider }) => provider.arrive());

for (const person of ['p1', 'p2']) {
  event(`${person} unsubscribes`, 1, ({ db }) => {
    const row = db.people.get(person);
    if (row !== undefined) unsubscribe(row);
  });
  event(`${person} is removed from s1`, 1, ({ db }) => remove(db, workspace, 's1', person));
  event(`${person} buys`, 1, (world) => buy(world, person));
  event(`${person} buys, and intake tells of it`, 2, (world) => {
    buy(world, person);
    poke(world.db);
  });
}
event('intake', 2, ({ db }) => void poke(db));
event('s1 is paused', 1, ({ db }) => setSeriesState(db, workspace, 's1', 'paused'));
event('s1 is resumed', 2, ({ db }) => setSeriesState(db, workspace, 's1', 'active'));

function buy({ db }: World, person: string): void {
  const row = db.people.get(person);
  if (row !== undefined) setTrait(db, row, 'plan', 'pro');
}

const byName = new Map(weights.map(([name, , happens]) => [name, happens]));

/** The names, each as often as its weight says; those that a failing run can do without come last. */
export const eventNames: readonly string[] = weights.flatMap(([name, weight]) =>
  Array.from({ length: weight }, () => name),
);

export function happen(world: World, name: string): void {
  found(byName.get(name), `event \`${name}\``)(world);
}
