import { backoff } from '../../../src/automation/backoff.js';
import { advance } from '../../../src/automation/series/advance.js';
import type { Advance, DeliveryEffect, Facts, Outcome } from '../../../src/automation/series/moves.js';
import type { Begun } from '../../../src/automation/work/begin-delivery.js';
import type { Claim } from '../../../src/automation/work/claim.js';
import { isHere, placeOf, quietly } from '../../../src/automation/work/commit.js';
import type { Ending } from '../../../src/automation/work/commit.js';
import { rendered } from '../../../src/automation/work/render.js';
import { ConnectionLost, TimedOut, ask, persist } from './actor.js';
import type { Steps } from './actor.js';
import { found, placeOf as nameOf, seriesOf } from './database.js';
import { factsOf } from './facts.js';
import { readBegin, writeBegin } from './statements/begin-delivery.js';
import { defer, finish } from './statements/finish.js';
import { park, postpone } from './statements/give-back.js';
import type { World } from './world.js';

/** A claim while a worker works on it, as far as the process itself knows. */
export interface Lease {
  aborted: boolean;
  sending: boolean;
}

interface Task {
  readonly world: World;
  readonly claim: Claim;
  readonly facts: Facts;
  readonly lease: Lease;
}

/** What a worker does with a claim, as `performer`. */
export function* perform(world: World, claim: Claim, lease: Lease): Steps<void> {
  const traits = claim.user.custom_fields ?? {};
  const facts = factsOf({ userId: claim.user.user_id ?? '', traits, suppressed: claim.suppressed });
  const task = { world, claim, facts, lease };
  const move = decide(task, facts);
  const effect = move.effects.find((each): each is DeliveryEffect => each.kind !== 'set_trait');
  const here = move.state.status === 'active' && isHere(claim, move.state);
  if (effect !== undefined && here) {
    yield* send(task, effect);
  } else if (claim.attempt > world.maxAttempts) {
    const ending: Ending = { state: 'failed', error: claim.lastError, delivery: null, contact: false };
    yield* commit(task, broken, ending);
  } else {
    yield* commit(task, move, quietly);
  }
}

/** What somebody is left with whose step killed its worker each time. */
const broken: Advance = {
  state: { status: 'exited', reason: 'broken' },
  effects: [],
  wakeAt: null,
  listens: false,
  trail: [],
};

function decide({ world: { db }, claim }: Task, facts: Facts): Advance {
  const { definition } = found(seriesOf(db, claim.workspace, claim.series), 'series');
  return advance(definition, claim.state, facts, db.now);
}

function* commit({ world: { db }, claim }: Task, move: Advance, ending: Ending): Steps<boolean> {
  const { workspace, work, token, enrollment, pokes } = claim;
  const held = { workspace, work, token, enrollment, pokes, trail: move.trail };
  const to = placeOf(move);
  if (to.state === 'active' && isHere(claim, to)) {
    const { dueAt, listens } = to;
    return yield* persist(() => ask(() => defer(db, { ...held, dueAt, listens })));
  }
  return yield* persist(() => ask(() => finish(db, { ...held, ...ending, to })));
}

/** The move after a delivery, or after one that was not allowed. */
function* end(task: Task, result: Outcome['result'], ending: Ending): Steps<void> {
  const { claim, facts } = task;
  const { step, visit } = claim.state;
  const suppressed = facts.suppressed || result === 'suppressed';
  yield* commit(task, decide(task, { ...facts, suppressed, outcome: { step, visit, result } }), ending);
}

const delivered: Ending = { state: 'done', error: null, delivery: 'delivered', contact: true };

function* giveUp(task: Task, error: string): Steps<void> {
  yield* end(task, 'failed', { state: 'failed', error, delivery: 'failed', contact: false });
}

function* tryAgain(task: Task, error: string): Steps<void> {
  const { world, claim } = task;
  const wait = backoff(claim.attempt, () => 0);
  if (claim.attempt >= world.maxAttempts) yield* giveUp(task, error);
  else yield* ask(() => postpone(world.db, claim, wait, error));
}

function* send(task: Task, effect: DeliveryEffect): Steps<void> {
  const { world, claim, lease } = task;
  if (claim.attempt > world.maxAttempts) {
    yield* giveUp(task, claim.lastError ?? 'it was tried too often');
    return;
  }
  const begun = yield* begin(task, effect);
  if (begun.verdict === 'suppressed') yield* end(task, 'suppressed', quietly);
  if (begun.verdict === 'delivered') yield* end(task, 'delivered', delivered);
  if (begun.verdict !== 'send' || lease.aborted) return;
  lease.sending = true;
  const became = yield* deliver(task, begun);
  if (became === 'delivered') yield* end(task, 'delivered', delivered);
  else if (became === 'refused') yield* giveUp(task, became);
  else if (became === 'failed' || !world.parks) yield* tryAgain(task, became);
  else yield* ask(() => park(world.db, claim, became));
}

function* begin({ world: { db, channel }, claim, facts }: Task, effect: DeliveryEffect): Steps<Begun> {
  const { workspace, work, token, endUser } = claim;
  const message = rendered(effect, { channel, user: facts.person, moment: { now: db.now, zone: 'UTC' } });
  const request = { workspace, work, token, kind: effect.kind, channel, message, endUser, caps: [] };
  const locks = db.guards.has('begin locks its claim') ? { locks: work } : {};
  return yield* persist(function* (): Steps<Begun> {
    const verdict = yield* ask(() => readBegin(db, request));
    if (verdict === null) return { verdict: 'lost' };
    return yield* ask(() => writeBegin(db, verdict), { isOpen: true, ...locks });
  });
}

function* deliver(
  { world: { provider, db }, claim, lease }: Task,
  { message }: Extract<Begun, { verdict: 'send' }>,
): Steps<'delivered' | 'refused' | 'failed' | 'unconfirmed'> {
  const { enrollment, state, delivery, token } = claim;
  const { step, visit } = state;
  const key = db.guards.has('key is stable') ? delivery : token;
  const place = nameOf({ enrollment, step, visit });
  try {
    const call = yield* ask(() => provider.receive({ place, enrollment, visit, key, message }));
    yield* ask(() => provider.answer(call, 'accepted'), {
      call: {
        fail: () => provider.answer(call, 'failed'),
        refuse: () => provider.answer(call, 'refused'),
      },
    });
    if (lease.aborted) return 'unconfirmed';
    if (call.state === 'failed' || call.state === 'refused') return call.state;
    return 'delivered';
  } catch (error) {
    if (error instanceof TimedOut) return 'unconfirmed';
    if (!(error instanceof ConnectionLost)) throw error;
    // What channels throw `DeliveryUncertain` for.
    return 'unconfirmed';
  }
}
