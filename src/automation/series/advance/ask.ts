import { leafHorizon } from '../../../filter/horizon.js';
import { compilePredicate } from '../../../filter/predicate.js';
import type { Predicate } from '../../../filter/predicate.js';
import type { UserRecord } from '../../../filter/record.js';
import { isRelative } from '../../../filter/time.js';
import type { Moment, Unit } from '../../../filter/time.js';
import type { PlainLeaf } from '../../../filter/horizon.js';
import { leavesWithin } from '../../../filter/tree.js';
import type { Filter, Leaf, Literal } from '../../../filter/tree.js';
import { columnInstant, readerOf } from '../../../filter/values.js';

/** How the machine asks a filter about a person: by the one predicate, compiled as seldom as its times allow. */

interface Kept {
  /** The leaves whose verdict can change while the data stay. */
  readonly moving: readonly PlainLeaf[];
  /** What a filter with moving leaves means changes with the moment; any other is compiled once for a zone, where its days begin. */
  moment: Moment;
  test: Predicate;
}

const kept = new WeakMap<Filter, Kept>();

/** Whether the person matches, at the moment. */
export function matches(filter: Filter, person: UserRecord, moment: Moment): boolean {
  const found = compiled(filter, moment);
  const isStale = found.moving.length > 0 ? !isSame(found.moment, moment) : found.moment.zone !== moment.zone;
  if (isStale) {
    found.test = compilePredicate(filter, moment);
    found.moment = moment;
  }
  return found.test(person);
}

/**
 * The first instant after the moment, and not after `until`, at which the filter's verdict may differ though the data stay, in
 * milliseconds since 1970 (UTC); null where there is none. Up to it the verdict is the same; at it one of the
 * conditions has changed.
 */
export function horizonOf(filter: Filter, person: UserRecord, moment: Moment, until: number): number | null {
  const turns = compiled(filter, moment).moving.map((leaf) =>
    mayTurn(leaf, person, moment, until) ? leafHorizon(leaf, person, moment) : null,
  );
  const first = earliest(turns);
  return first === null || first > until ? null : first;
}

/**
 * False where a look at the distances shows that the leaf's times stay on their side of the person's value until then;
 * to find the very instant costs a hundred times as much.
 */
function mayTurn(leaf: Leaf, person: UserRecord, moment: Moment, until: number): boolean {
  if (leaf.kind !== 'compare' && leaf.kind !== 'between' && leaf.kind !== 'in') return true;
  const { field } = leaf.subject;
  if (field.kind === 'derived') return true;
  const value = columnInstant(readerOf(field, moment)(person));
  if (Number.isNaN(value)) return false;
  return literalsOf(leaf).some((literal) => {
    if (literal.type !== 'time') return false;
    const { value: time } = literal;
    if (time.kind === 'at') return false;
    if (time.kind === 'start_of') return true;
    // The bound is this far from now, in either direction of the clock's and the calendar's unevenness.
    const sign = time.kind === 'ago' ? 1 : -1;
    const ends = [shortest, longest].map((length) => value + sign * time.amount * length[time.unit]);
    return Math.min(...ends) - slack <= until && Math.max(...ends) + slack > moment.now;
  });
}

const day = 86_400_000;
const shortest: Readonly<Record<Unit, number>> = {
  minutes: 60_000,
  hours: 3_600_000,
  days: day,
  weeks: 7 * day,
  months: 28 * day,
};
const longest: Readonly<Record<Unit, number>> = { ...shortest, months: 31 * day };
/** Clamped months, changes of the clock and skipped dates move a sum by less. */
const slack = 5 * day;

/** The least of the instants that are there, or null. */
export function earliest(instants: readonly (number | null)[]): number | null {
  return instants.reduce((least, at) => (least === null || (at !== null && at < least) ? at : least), null);
}

function compiled(filter: Filter, moment: Moment): Kept {
  let found = kept.get(filter);
  if (found === undefined) {
    const moving = leavesWithin(filter).filter((leaf) => moves(leaf));
    found = { moving, moment, test: compilePredicate(filter, moment) };
    kept.set(filter, found);
  }
  return found;
}

function isSame(one: Moment, other: Moment): boolean {
  return one.now === other.now && one.zone === other.zone;
}

function moves(leaf: Leaf): boolean {
  if (leaf.kind === 'did') return true;
  if (leaf.kind !== 'compare' && leaf.kind !== 'between' && leaf.kind !== 'in') return false;
  return leaf.subject.field.kind === 'derived' || literalsOf(leaf).some(isMoving);
}

function literalsOf(leaf: Extract<Leaf, { kind: 'compare' | 'between' | 'in' }>): readonly Literal[] {
  if (leaf.kind === 'compare') return [leaf.value];
  return leaf.kind === 'between' ? [leaf.low, leaf.high] : leaf.items;
}

function isMoving(literal: Literal): boolean {
  return literal.type === 'time' && isRelative(literal.value);
}
