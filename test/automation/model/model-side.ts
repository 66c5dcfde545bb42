import type { Footprint } from '../../../src/automation/series/moves.js';
import type { Claim } from '../../../src/automation/work/claim.js';
import { found, placeOf } from './database.js';
import type { Database, PersonRow, WorkRow } from './database.js';
import { times } from './operations.js';
import type { Operation } from './operations.js';
import { begin } from './statements/begin-delivery.js';
import { poke, remove, setSeriesState, unsubscribe } from './statements/changes.js';
import { claim } from './statements/claim.js';
import { defer, finish } from './statements/finish.js';
import { park, postpone, release, renew } from './statements/give-back.js';
import { beginIncarnation, readCounter } from './statements/incarnation.js';
import { sweep } from './statements/sweep.js';
import { takeDue } from './statements/take-due.js';

/** The one side of the comparison: operations done to the model. */
export interface ModelSide {
  readonly db: Database;
  /** The counter in the model's Redis. */
  inRedis: number | null;
}

export const queue = 'conformance';

export function rowAt(db: Database, place: string): WorkRow {
  return found(
    [...db.work.values()].find((row) => placeOf(row) === place),
    `row ${place}`,
  );
}

function personOf({ people }: Database, workspace: string, userId: string): PersonRow {
  const person = [...people.values()].find((each) => each.workspace === workspace && each.userId === userId);
  return found(person, 'person');
}

/** What of a claim both sides can say. */
export function shown(given: Claim | null, place: string, delivery: string): unknown {
  if (given === null) return null;
  const { workspace, token, series, enrollment, state, pokes, attempt, lastError, endUser, suppressed } =
    given;
  const { step, visit } = state;
  const its = given.delivery === delivery;
  return {
    place,
    workspace,
    token,
    series,
    enrollment,
    step,
    visit,
    pokes,
    attempt,
    lastError,
    endUser,
    suppressed,
    its,
  };
}

export function onModel(side: ModelSide, operation: Operation): unknown {
  const { db } = side;
  if ('token' in operation) return onHeld(db, operation);
  switch (operation.kind) {
    case 'take due': {
      const { limit, after } = operation;
      const jobs = takeDue(db, { horizon: times.horizon, limit, after });
      return jobs
        .map(({ work, epoch }) => `${placeOf(found(db.work.get(work), 'row'))} at ${epoch}`)
        .toSorted();
    }
    case 'claim':
      return operation.jobs.map(({ place, epoch, token }) => {
        const { workspace, id: work, delivery } = rowAt(db, place);
        return shown(claim(db, { workspace, work, epoch, token }, times.lease), place, delivery);
      });
    case 'hold':
      rowAt(db, operation.place).held = true;
      return null;
    case 'sweep':
      return sweep(db, { parking: operation.parking, enqueuedFor: times.enqueuedFor });
    case 'check incarnation': {
      const counter = readCounter(db, queue);
      if (side.inRedis === counter) return null;
      const begun = beginIncarnation(db, queue, counter);
      if (begun === null) return null;
      side.inRedis = begun.counter;
      return begun.count;
    }
    case 'flush redis':
      side.inRedis = null;
      return null;
    case 'an hour passes':
      db.now += times.hour;
      return null;
    case 'series':
      setSeriesState(db, operation.workspace, 'one', operation.state);
      return null;
    case 'unsubscribe':
      unsubscribe(personOf(db, operation.workspace, operation.userId));
      return null;
    case 'remove':
      remove(db, operation.workspace, 'one', personOf(db, operation.workspace, operation.userId).id);
      return null;
    case 'poke':
      db.outbox.push(personOf(db, operation.workspace, operation.userId).id);
      break;
  }
  return poke(db);
}

type OnHeld = Extract<Operation, { readonly token: string }>;

/** What is done to one row by whoever says to hold it. */
function onHeld(db: Database, operation: OnHeld): unknown {
  const { place, token } = operation;
  const { workspace, id: work, enrollment, visit } = rowAt(db, place);
  const held = { workspace, work, token };
  switch (operation.kind) {
    case 'begin': {
      const message = { title: null, text: `${place} by ${token}` };
      const channel = operation.webhook ? 'webhook' : 'inbox';
      const kind = operation.webhook ? 'webhook' : 'send';
      const begun = begin(db, { ...held, kind, channel, message, endUser: '', caps: [] });
      return begun.verdict === 'send' ? { verdict: 'send', message: begun.message } : begun;
    }
    case 'finish': {
      const { pokes, state, delivery, next, listens } = operation;
      const contact = delivery === 'delivered';
      const to =
        next === null
          ? ({ state: 'completed', reason: 'end' } as const)
          : ({ state: 'active', ...nextPlace(visit), since: db.now, dueAt: db.now + next, listens } as const);
      const error = state === 'failed' ? 'given up' : null;
      const trail = trailOf(visit);
      return finish(db, { ...held, enrollment, pokes, state, error, delivery, contact, to, trail });
    }
    case 'defer': {
      const { pokes, listens } = operation;
      const dueAt = db.now + times.wait;
      return defer(db, { ...held, enrollment, pokes, dueAt, listens, trail: trailOf(visit) });
    }
    case 'postpone':
      return postpone(db, held, times.wait, 'failed');
    case 'park':
      return park(db, held, 'unsure');
    case 'release':
      return release(db, held);
    case 'renew':
      break;
  }
  return renew(db, held, times.lease);
}

export function nextPlace(visit: number): { step: string; visit: number } {
  return { step: `step-${visit + 1}`, visit: visit + 1 };
}

export function trailOf(visit: number): Footprint[] {
  const at = { step: `step-${visit}`, visit, detail: null };
  const next = { step: `step-${visit + 1}`, visit: visit + 1, detail: null };
  return [
    { ...at, what: 'waited' },
    { ...at, what: 'delivered' },
    { ...next, what: 'arrived' },
    { ...next, what: 'capped' },
  ];
}

/** Everything that can be seen, as lines. Times are told in half hours from now. */
export function seenOf({ db }: ModelSide): string[] {
  const from = (at: number | null): string =>
    at === null ? '-' : String(Math.round((at - db.now) / 1_800_000));
  const work = [...db.work.values()].map((row) =>
    [
      'work',
      placeOf(row),
      row.state,
      row.held,
      row.epoch,
      row.attempts,
      row.token ?? '-',
      from(row.leaseUntil),
      from(row.dueAt),
      from(row.enqueuedAt),
      row.listening,
      row.lastError ?? '-',
    ].join(' '),
  );
  const enrollments = [...db.enrollments.values()].map((row) =>
    [
      'enrolment',
      row.id,
      row.state,
      row.reason ?? '-',
      row.step ?? '-',
      row.visit,
      row.pokes,
      from(row.since),
    ].join(' '),
  );
  const deliveries = [...db.deliveries.values()].map((row) =>
    [
      'delivery',
      placeOf(found(db.work.get(row.work), 'row')),
      row.kind,
      row.channel,
      row.state,
      row.attempts,
      row.deliveredAt !== null,
      row.lastError ?? '-',
      row.message.text,
    ].join(' '),
  );
  const people = [...db.people.values()].map((row) =>
    ['person', row.workspace, row.userId, row.suppressed, row.contacted].join(' '),
  );
  const trail = db.trail.map((row) => ['trail', row.enrollment, row.step, row.visit, row.what].join(' '));
  const lives = [...db.incarnations].map(([, counter]) => `incarnation ${counter}`);
  return [...work, ...enrollments, ...deliveries, ...people, ...trail, ...lives].toSorted();
}
