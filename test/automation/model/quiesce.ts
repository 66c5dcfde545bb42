import { advance } from '../../../src/automation/series/advance.js';
import { seriesOf } from './database.js';
import { factsOf } from './facts.js';
import { horizon } from './relay.js';
import { poke, setSeriesState } from './statements/changes.js';
import type { World } from './world.js';

/** Faults stop, whoever was frozen wakes, and time goes on until nothing is left to do. False where it never ends. */
export function quiesce(world: World): boolean {
  const { db, provider } = world;
  for (const { workspace, key, state } of db.series.values())
    if (state === 'paused') setSeriesState(db, workspace, key, 'active');
  for (let round = 0; round < 400; round += 1) {
    poke(db);
    settle(world);
    provider.arrive();
    // Before time goes on, so that nothing is made good by a timeout.
    checkWaiting(world);
    const live = [...db.work.values()].some(({ state }) => isLive(state));
    if (!live) return true;
    const next = world.nextInstant();
    if (next === null) return false;
    world.pass(next - db.now);
  }
  return false;
}

export function isLive(state: string): boolean {
  return state === 'pending' || state === 'enqueued' || state === 'claimed';
}

/** Everybody does what can be done at this instant. */
function settle(world: World): void {
  const { relays, workers, db, redis } = world;
  // Twice without anything to do: the first round may be one that began long ago.
  for (let round = 0, quiet = 0; round < 100 && quiet < 2; round += 1) {
    for (const actor of [...relays, ...workers]) actor.round();
    const swept = world.sweep();
    const isReady = (redis.nextAt() ?? Infinity) <= db.now;
    const isDue = [...db.work.values()].some(
      ({ state, held, dueAt }) => state === 'pending' && !held && dueAt <= db.now + horizon,
    );
    quiet = !isReady && !isDue && swept === 0 ? quiet + 1 : 0;
  }
}

/** Nobody rests at a place that what is committed would move them from. */
function checkWaiting({ db, broken }: World): void {
  for (const row of db.work.values()) {
    if (row.state !== 'pending' || row.held || row.attempts > 0 || row.dueAt <= db.now + horizon) continue;
    const enrollment = db.enrollments.get(row.enrollment);
    const series = seriesOf(db, row.workspace, row.series);
    const person = db.people.get(enrollment?.person ?? '');
    if (enrollment?.state !== 'active' || series === undefined || person === undefined) continue;
    const { step, visit } = row;
    const state = { status: 'active', step, visit, since: enrollment.since } as const;
    const move = advance(series.definition, state, factsOf(person), db.now);
    const stays = move.state.status === 'active' && move.state.visit === visit && move.effects.length === 0;
    if (!stays && !person.suppressed) broken.push(`waiting: ${row.enrollment}/${step}/${visit} could go on`);
  }
}
