import { occurrencesOf } from '../../../filter/did.js';
import type { EventRecord, UserRecord } from '../../../filter/record.js';
import type { Did, Filter } from '../../../filter/tree.js';
import { columnInstant } from '../../../filter/values.js';
import type { WaitForStep } from '../model.js';
import { later } from '../wall-clock.js';
import { earliest, horizonOf, matches } from './ask.js';
import type { Meaning, Place, View } from './view.js';

/**
 * Waits until something holds, and goes on to `next`; when the time is over first, to `onTimeout`. What holds when the
 * machine looks counts even if the time is over too.
 *
 * With a filter: until the person matches it, at once where they do on arrival. A missing trait never matches a comparison, so a
 * filter on it waits for it to be set. Relative times and counts of days turn by themselves: the machine looks
 * again at the very instant at which one does.
 *
 * With an event: until they have done it since the arrival, by the time at which it happened; one at the very
 * millisecond of the arrival is seen in the next, so that the step surely rests. What they did before does not count.
 *
 * The timeout is a length of time from the arrival, counted as in `wait`.
 */
export const waitFor: Meaning<'wait_for'> = (step, place, view) => {
  const { now, moment } = view;
  const asked = questionOf(step, place, view);
  const mayBeMet = step.condition.kind === 'filter' || now > place.since;
  if (mayBeMet && matches(asked.filter, asked.person, moment)) {
    return { kind: 'go', to: step.next, noted: { what: 'matched', detail: null } };
  }
  const over = later(place.since, step.timeout, view.zones.person);
  if (now >= over) return { kind: 'go', to: step.onTimeout, noted: { what: 'timed_out', detail: null } };
  const turn = !mayBeMet && asked.isAtArrival ? now + 1 : horizonOf(asked.filter, asked.person, moment, over);
  return { kind: 'rest', wakeAt: earliest([over, turn]) ?? over, listens: true, noted: null };
};

interface Question {
  readonly filter: Filter;
  readonly person: UserRecord;
  /** Whether one of the events happened at the very millisecond of the arrival. */
  readonly isAtArrival: boolean;
}

/** An event is asked for as `did`, over what happened since the arrival. */
function questionOf({ condition }: WaitForStep, place: Place, { person }: View): Question {
  if (condition.kind === 'filter') return { filter: condition.filter, person, isAtArrival: false };
  const { event, where } = condition;
  const events = (person.events ?? []).filter((each) => happenedSince(each, place.since));
  const since = { ...person, events };
  const isAtArrival = occurrencesOf(event, since).some(({ instant }) => instant === place.since);
  return { filter: didFor(condition, event, where), person: since, isAtArrival };
}

function happenedSince({ occurred_at: at }: EventRecord, since: number): boolean {
  return columnInstant(at) >= since;
}

const didsOf = new WeakMap<object, Did>();

/** One for each condition, so that what is compiled for it is found again. */
function didFor(condition: object, event: string, where: Filter | null): Did {
  let found = didsOf.get(condition);
  if (found === undefined) {
    found = { kind: 'did', path: '', event, count: { operator: '>=', value: 1 }, within: null, where };
    didsOf.set(condition, found);
  }
  return found;
}
