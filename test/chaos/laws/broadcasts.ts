import type { OracleCall } from '../oracle.js';
import { older } from '../workers.js';
import { breach, rounding } from './breach.js';
import type { Breach } from './breach.js';
import type { History, RecipientRow } from './history.js';

/** Everything that holds of broadcasts alone; what holds of every message is asked of theirs with the others. */
export function broadcastBreaches(all: History): Breach[] {
  const history = withoutOlderCancellations(all);
  const byKey = new Map<string, OracleCall[]>();
  for (const call of history.calls) {
    if (history.steps.has(call.series)) continue;
    const list = byKey.get(call.key);
    if (list === undefined) byKey.set(call.key, [call]);
    else list.push(call);
  }
  return [
    ...reached(history, byKey),
    ...onceEach(history, byKey),
    ...atRest(history),
    ...stopped(history),
    ...history.broadcasts.watched.faults.map((what) => breach('progress', what)),
  ];
}

/** An older version may leave people behind in what it cancels; what today's does is seen in the other launches. */
function withoutOlderCancellations(history: History): History {
  const { broadcasts, moves } = history;
  const byOlder = new Set(
    moves.filter(({ now, by }) => now === 'cancelled' && by.endsWith(older)).map(({ work }) => work),
  );
  const left = new Set(broadcasts.chunks.filter(({ id }) => byOlder.has(id)).map(({ run }) => run));
  if (left.size === 0) return history;
  const standing = new Set(['pending', 'sending']);
  const recipients = broadcasts.recipients.map((recipient) =>
    left.has(recipient.run) && standing.has(recipient.state) ? { ...recipient, state: 'unknown' } : recipient,
  );
  return { ...history, broadcasts: { ...broadcasts, recipients } };
}

type Calls = ReadonlyMap<string, readonly OracleCall[]>;

/** Who was accepted is on the books as sent to, and who is on the books was accepted; nobody was left out without a reason. */
function reached({ broadcasts, people, crowd }: History, byKey: Calls): Breach[] {
  const spared = new Set(
    [...people, ...crowd]
      .filter(({ forbidden, erased }) => forbidden !== undefined || erased !== undefined)
      .map(({ userId }) => userId),
  );
  const cancelled = new Set(
    broadcasts.launches.filter(({ cancelling }) => cancelling !== undefined).map(({ run }) => run),
  );
  return broadcasts.recipients.flatMap((recipient) => {
    const { person, run, state, delivery, reason } = recipient;
    const isAccepted = byKey.get(delivery)?.some((call) => call.accepted) ?? false;
    const told = `${nameOf(recipient)} is ${state}${reason === null ? '' : ` (${reason})`}`;
    if (state === 'sent') return isAccepted ? [] : [breach('delivered', `${told}, and nobody accepted it`)];
    if (isAccepted && state !== 'unknown') return [breach('delivered', `${told}, and was accepted`)];
    // Who is erased has no name any more.
    const mayMiss = person === null || spared.has(person) || cancelled.has(run);
    return mayMiss ? [] : [breach('delivered', `${told}, and may be sent to`)];
  });
}

/** One key for each person in a launch, and no key that no launch knows. */
function onceEach({ broadcasts }: History, byKey: Calls): Breach[] {
  const runOf = new Map(broadcasts.recipients.map(({ delivery, run }) => [delivery, run]));
  const keys = new Map<string, string>();
  return [...byKey].flatMap(([key, [call]]) => {
    const run = runOf.get(key);
    if (run === undefined || call === undefined)
      return [breach('distinct', `no launch knows the key ${key}`)];
    const person = `${call.person} in ${run}`;
    const other = keys.get(person);
    keys.set(person, key);
    return other === undefined
      ? []
      : [breach('distinct', `${person} was sent to with the keys ${other} and ${key}`)];
  });
}

/** Nobody waits or is on their way, no chunk is left, and every launch is over. */
function atRest({ broadcasts: { recipients, chunks, runs, launches } }: History): Breach[] {
  const cancelled = new Set(
    launches.filter(({ cancelling }) => cancelling !== undefined).map(({ run }) => run),
  );
  return [
    ...recipients
      .filter(({ state }) => state === 'pending' || state === 'sending' || state === 'failed')
      .map((recipient) => breach('stuck', `${nameOf(recipient)} is ${recipient.state}`)),
    ...chunks
      .filter(({ state, run }) => state !== 'done' && !(state === 'cancelled' && cancelled.has(run)))
      .map(({ id, run, state }) => breach('stuck', `chunk ${id} of ${run} is ${state}`)),
    ...runs
      .filter(({ state, run }) => state !== 'completed' && !(state === 'cancelled' && cancelled.has(run)))
      .map(({ run, state }) => breach('stuck', `the launch ${run} is ${state}`)),
  ];
}

/** Nobody is written down as being sent to between the answers to a pause and the call to resume, or after a cancellation. */
function stopped({ broadcasts: { recipients, launches }, begins }: History): Breach[] {
  const runOf = new Map(recipients.map(({ delivery, run }) => [delivery, run]));
  const launchOf = new Map(launches.map((launch) => [launch.run, launch]));
  return begins.flatMap(({ delivery, at }) => {
    const launch = launchOf.get(runOf.get(delivery) ?? '');
    if (launch === undefined) return [];
    const isPaused = launch.pauses.some(({ from, to }) => at > from + rounding && at < to - rounding);
    const isCancelled = at > (launch.cancelled ?? Infinity) + rounding;
    if (!isPaused && !isCancelled) return [];
    const how = isPaused ? 'paused' : 'cancelled';
    return [breach('paused', `${delivery} of ${launch.run} was begun while the launch was ${how}`)];
  });
}

function nameOf({ person, run, number }: RecipientRow): string {
  return `recipient ${number} (${person ?? 'erased'}) of ${run}`;
}
