import type { OracleCall } from './oracle.js';
import type { Pause, Person } from './people.js';
import type { Begin, Move } from './witness.js';

/** Everything that is known after a run, all of it plain data. */
export interface History {
  readonly calls: readonly OracleCall[];
  readonly moves: readonly Move[];
  readonly begins: readonly Begin[];
  readonly people: readonly Person[];
  readonly pauses: readonly Pause[];
  readonly enrollments: readonly EnrollmentRow[];
  readonly work: readonly WorkRow[];
  /** Ids of the deliveries that count as made. */
  readonly delivered: readonly string[];
  /** Who was turned away at an entrance, with the reason on record. */
  readonly refusals: readonly Refusal[];
  /** Happenings that nobody took in. */
  readonly outbox: number;
  /** Sending steps of each series, in order. */
  readonly steps: ReadonlyMap<string, readonly string[]>;
  /** The series that is paused; its entrance is closed meanwhile. */
  readonly stopped: string;
}

export interface EnrollmentRow {
  readonly id: string;
  readonly series: string;
  readonly person: string;
  readonly state: string;
}

export interface Refusal {
  readonly series: string;
  readonly person: string;
}

export interface WorkRow {
  readonly id: string;
  readonly enrollment: string;
  readonly step: string;
  readonly visit: number;
  readonly delivery: string;
  readonly state: string;
  readonly held: boolean;
  readonly error: string | null;
}

export type Law =
  | 'delivered'
  | 'distinct'
  | 'stuck'
  | 'order'
  | 'forbidden'
  | 'paused'
  | 'entered'
  | 'written first'
  | 'holder'
  | 'over'
  | 'one claim'
  | 'early'
  | 'crash';

export interface Breach {
  readonly law: Law;
  readonly what: string;
}

/** Milliseconds by which two readings of one machine's clock may differ once each is rounded. */
const rounding = 5;

/** Every breach of every law. */
export function breaches(history: History): Breach[] {
  return [
    ...isDelivered(history),
    ...distinct(history),
    ...stuck(history),
    ...ordered(history),
    ...forbidden(history),
    ...paused(history),
    ...entered(history),
    ...writtenFirst(history),
    ...claims(history),
  ];
}

const sendOf = (call: { person: string; series: string; step: string }): string =>
  `${call.person}/${call.series}/${call.step}`;

/** I1. Every step of everybody who may be sent to was accepted, and so was what counts as delivered. */
function isDelivered({ calls, people, enrollments, delivered, steps }: History): Breach[] {
  const accepted = calls.filter((call) => call.accepted);
  const sends = new Set(accepted.map(sendOf));
  const keys = new Set(accepted.map((call) => call.key));
  const spared = new Set(people.filter(isSpared).map((person) => person.userId));
  const lost = enrollments
    .filter(({ person }) => !spared.has(person))
    .flatMap(({ person, series }) =>
      (steps.get(series) ?? []).map((step) => sendOf({ person, series, step })),
    )
    .filter((send) => !sends.has(send));
  return [
    ...lost.map((send) => breach('delivered', `${send} was never accepted`)),
    ...delivered
      .filter((id) => !keys.has(id))
      .map((id) => breach('delivered', `${id} counts as delivered, and nobody accepted it`)),
  ];
}

const isSpared = (person: Person): boolean => person.forbidden !== undefined || person.erased !== undefined;

/** I2. One key for each send, one send and one content for each key. */
function distinct({ calls }: History): Breach[] {
  const keysOf = grouped(calls, sendOf, (call) => call.key);
  const contentOf = grouped(
    calls,
    (call) => call.key,
    (call) => `${sendOf(call)} ${call.text}`,
  );
  return [
    ...[...keysOf]
      .filter(([, keys]) => keys.size > 1)
      .map(([send, keys]) => breach('distinct', `${send} went out with ${keys.size} keys`)),
    ...[...contentOf]
      .filter(([, contents]) => contents.size > 1)
      .map(([key, contents]) => breach('distinct', `key ${key} carried ${[...contents].join(' and ')}`)),
  ];
}

/** I3. Nothing is under way any more, nothing was given up, and only whom nothing may be sent to was cancelled. */
function stuck({ work, enrollments, people, outbox }: History): Breach[] {
  const personOf = new Map(enrollments.map((row) => [row.id, row.person]));
  const spared = new Set(people.filter(isSpared).map((person) => person.userId));
  const found = work.filter(
    (row) =>
      row.state !== 'done' && !(row.state === 'cancelled' && spared.has(personOf.get(row.enrollment) ?? '')),
  );
  const inside = enrollments.filter((row) => row.state === 'active');
  return [
    ...found.map((row) =>
      breach(
        'stuck',
        `work ${row.id} (${row.step}) is ${row.state}${row.held ? ', held' : ''}: ${row.error ?? 'no reason'}`,
      ),
    ),
    ...inside.map((row) =>
      breach('stuck', `enrolment ${row.id} of ${row.person} in ${row.series} is still active`),
    ),
    ...(outbox > 0 ? [breach('stuck', `${outbox} happenings are still in the outbox`)] : []),
  ];
}

/** I4. The steps of one enrolment were first accepted in their order. */
function ordered({ calls, steps }: History): Breach[] {
  const first = new Map<string, number>();
  const runs = new Map<string, { person: string; series: string }>();
  for (const call of calls.filter(({ accepted }) => accepted)) {
    if (!first.has(sendOf(call))) first.set(sendOf(call), call.n);
    runs.set(`${call.person}/${call.series}`, call);
  }
  return [...runs.values()].flatMap(({ person, series }) => {
    const times = (steps.get(series) ?? []).map(
      (step) => first.get(sendOf({ person, series, step })) ?? Infinity,
    );
    const right = times.every(
      (time, index) => index === 0 || time > (times[index - 1] ?? 0) || time === Infinity,
    );
    return right ? [] : [breach('order', `${person} in ${series}: accepted as ${times.join(', ')}`)];
  });
}

/**
 * I5. Nothing is sent whose delivery was written down after the answer to an unsubscription, a suppression or an erasure:
 * that is the last place where it can be stopped. A call whose delivery was begun before is in flight and may still
 * arrive, also much later when its process stood still.
 */
function forbidden(history: History): Breach[] {
  const personOf = new Map(history.calls.map((call) => [call.key, call.person]));
  const persons = new Map(history.enrollments.map((row) => [row.id, row.person]));
  for (const row of history.work) {
    const person = persons.get(row.enrollment);
    if (person !== undefined && !personOf.has(row.delivery)) personOf.set(row.delivery, person);
  }
  const byId = new Map(history.people.map((person) => [person.userId, person]));
  return history.begins.flatMap((begin) => {
    const person = byId.get(personOf.get(begin.delivery) ?? '');
    const since = Math.min(person?.forbidden ?? Infinity, person?.erased ?? Infinity);
    if (begin.at <= since + rounding) return [];
    return [
      breach(
        'forbidden',
        `${person?.userId} was sent ${begin.delivery}, begun ${Math.round(begin.at - since)} ms too late`,
      ),
    ];
  });
}

/** The same for a pause: nothing is sent that was claimed in the middle of it. */
function paused(history: History): Breach[] {
  const claimed = claimOfBegin(history);
  return history.begins.flatMap((begin) => {
    const claim = claimed(begin);
    if (claim === undefined || claim.series !== history.stopped) return [];
    const within = history.pauses.find(
      ({ from, to }) => claim.at > from + rounding && claim.at < to - rounding,
    );
    return within === undefined
      ? []
      : [breach('paused', `${begin.delivery} was claimed while its series was paused`)];
  });
}

/**
 * I6. Whoever's identify was answered is in each series, once, or on record as turned away or missed by a pause.
 */
function entered({ people, enrollments, refusals, steps }: History): Breach[] {
  const counts = new Map<string, number>();
  for (const { person, series } of enrollments) {
    counts.set(`${person}/${series}`, (counts.get(`${person}/${series}`) ?? 0) + 1);
  }
  const refused = new Set(refusals.map(({ person, series }) => `${person}/${series}`));
  return people
    .filter((person) => person.erased === undefined)
    .flatMap((person) =>
      [...steps.keys()].flatMap((series) => {
        const count = counts.get(`${person.userId}/${series}`) ?? 0;
        const mayMiss = refused.has(`${person.userId}/${series}`);
        return count === 1 || (count === 0 && mayMiss)
          ? []
          : [breach('entered', `${person.userId} is in ${series} ${count} times`)];
      }),
    );
}

/** No call without a delivery that was written down before it, one for each call. */
function writtenFirst({ calls, begins }: History): Breach[] {
  const begun = new Map<string, number[]>();
  for (const begin of begins) begun.set(begin.delivery, [...(begun.get(begin.delivery) ?? []), begin.at]);
  const seen = new Map<string, number>();
  return calls.flatMap((call) => {
    const nth = seen.get(call.key) ?? 0;
    seen.set(call.key, nth + 1);
    const at = begun.get(call.key)?.[nth];
    return at !== undefined && at <= call.at + rounding
      ? []
      : [
          breach(
            'written first',
            `call ${nth + 1} with key ${call.key} was not written down before it was made`,
          ),
        ];
  });
}

/** What may happen to a work row, and who may do it. */
function claims({ moves }: History): Breach[] {
  const holder = new Map<string, string>();
  return moves.flatMap((move) => {
    const found: Breach[] = [];
    const told = `work ${move.work} (${move.step}), ${move.was} to ${move.now} by ${move.by}`;
    if (['done', 'failed', 'cancelled'].includes(move.was)) found.push(breach('over', told));
    if (move.now === 'claimed') {
      if (move.was !== 'enqueued') found.push(breach('one claim', told));
      if (move.at < move.due - rounding) {
        found.push(breach('early', `${told}, ${Math.round(move.due - move.at)} ms before its time`));
      }
      holder.set(move.work, move.by);
    } else if (move.was === 'claimed' && holder.get(move.work) !== move.by) {
      const over = move.lease !== null && move.lease <= move.at;
      const takenBack = ['pending', 'unknown', 'cancelled'].includes(move.now) && over;
      if (!takenBack) found.push(breach('holder', `${told}, while ${holder.get(move.work)} held it`));
    }
    return found;
  });
}

/** The claim under which a delivery was begun: the last one before it of the same process. */
function claimOfBegin({ moves }: History): (begin: Begin) => Move | undefined {
  const byWork = new Map<string, Move[]>();
  for (const move of moves) {
    if (move.now !== 'claimed') continue;
    const list = byWork.get(move.work);
    if (list === undefined) byWork.set(move.work, [move]);
    else list.push(move);
  }
  return (begin) => byWork.get(begin.work)?.findLast((move) => move.by === begin.by && move.n < begin.n);
}

function grouped<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  valueOf: (item: T) => string,
): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), new Set([valueOf(item)]));
    else group.add(valueOf(item));
  }
  return groups;
}

function breach(law: Law, what: string): Breach {
  return { law, what };
}
