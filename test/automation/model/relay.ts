import { slicesOf } from '../../../src/automation/work/slices.js';
import { ConnectionLost, ask } from './actor.js';
import type { Steps } from './actor.js';
import { beginIncarnation, readCounter } from './statements/incarnation.js';
import { takeDue } from './statements/take-due.js';
import type { World } from './world.js';

export const queue = 'model';
/** Milliseconds ahead of its time that work goes to Redis. */
export const horizon = 2000;

/** One round of the relay, as `relayRound`. A round that fails begins anew. */
export function* relayRound(world: World): Steps<void> {
  const { db, redis } = world;
  try {
    if (db.guards.has('incarnation is checked')) yield* checkIncarnation(world);
    const jobs = yield* ask(() => takeDue(db, { horizon, limit: 4, after: '' }));
    for (const { jobs: slice, delay } of slicesOf(jobs)) yield* ask(() => redis.add(slice, db.now + delay));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

function* checkIncarnation({ db, redis }: World): Steps<void> {
  const inRedis = yield* ask(() => redis.incarnation);
  const inPostgres = yield* ask(() => readCounter(db, queue));
  if (inRedis === inPostgres) return;
  const begun = yield* ask(() => beginIncarnation(db, queue, inPostgres));
  if (begun === null) return;
  yield* ask(() => void (redis.incarnation = begun.counter));
}
