import { breach, rounding } from './laws/breach.js';
import type { Breach } from './laws/breach.js';
import { broadcastBreaches } from './laws/broadcasts.js';
import { claims, early, paused } from './laws/claims.js';
import { givenUp, isGivenUp } from './laws/given-up.js';
import type { History } from './laws/history.js';
import type { Person } from './people.js';

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
    ...early(history),
    ...givenUp(history),
    ...broadcastBreaches(history),
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
function distinct({ calls, steps }: History): Breach[] {
  const ofSeries = calls.filter(({ series }) => steps.has(series));
  const keysOf = grouped(ofSeries, sendOf, (call) => call.key);
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
function stuck(history: History): Breach[] {
  const { work, enrollments, people, outbox } = history;
  const enrollmentOf = new Map(enrollments.map((row) => [row.id, row]));
  const spared = new Set(people.filter(isSpared).map((person) => person.userId));
  const found = work.filter((row) => {
    const { person = '', series } = enrollmentOf.get(row.enrollment) ?? {};
    if (row.state === 'done' || isGivenUp(history, row, series)) return false;
    return !(row.state === 'cancelled' && spared.has(person));
  });
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
  for (const { delivery, person } of history.broadcasts.recipients) {
    if (person !== null && !personOf.has(delivery)) personOf.set(delivery, person);
  }
  const byId = new Map([...history.people, ...history.crowd].map((person) => [person.userId, person]));
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

/**
 * I6. Whoever's identify was answered is in each series that takes everybody, and whoever's event was answered in that of the
 * event: once, however often and in whatever order it was sent, or on record as turned away or missed by a pause.
 */
function entered({ people, enrollments, refusals, steps, events }: History): Breach[] {
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
        const event = events.get(series);
        const due = event === undefined || person.events.includes(event) ? 1 : 0;
        return count === due || (count === 0 && mayMiss)
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
