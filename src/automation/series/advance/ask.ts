import { leafHorizon } from '../../../filter/horizon.js';
import { compilePredicate } from '../../../filter/predicate.js';
import type { Predicate } from '../../../filter/predicate.js';
import type { UserRecord } from '../../../filter/record.js';
import { isRelative } from '../../../filter/time.js';
import type { Moment } from '../../../filter/time.js';
import { leavesOf } from '../../../filter/tree.js';
import type { Filter, Leaf, Literal } from '../../../filter/tree.js';

/** How the machine asks a filter about a person: by the one predicate, compiled as seldom as its times allow. */

interface Kept {
  /** The leaves whose verdict can change while the data stay. */
  readonly moving: readonly Leaf[];
  /** What a filter with moving leaves means changes with the moment; any other is compiled once. */
  moment: Moment;
  test: Predicate;
}

const kept = new WeakMap<Filter, Kept>();

/** Whether the person matches, at the moment. */
export function matches(filter: Filter, person: UserRecord, moment: Moment): boolean {
  const found = compiled(filter, moment);
  if (found.moving.length > 0 && !isSame(found.moment, moment)) {
    found.test = compilePredicate(filter, moment);
    found.moment = moment;
  }
  return found.test(person);
}

/**
 * The first instant after the moment at which the filter's verdict may differ though the data stay, in milliseconds since
 * 1970 (UTC); null where it never does. Up to it the verdict is the same; at it one of the conditions has changed.
 */
export function horizonOf(filter: Filter, person: UserRecord, moment: Moment): number | null {
  return earliest(compiled(filter, moment).moving.map((leaf) => leafHorizon(leaf, person, moment)));
}

/** The least of the instants that are there, or null. */
export function earliest(instants: readonly (number | null)[]): number | null {
  return instants.reduce((least, at) => (least === null || (at !== null && at < least) ? at : least), null);
}

function compiled(filter: Filter, moment: Moment): Kept {
  let found = kept.get(filter);
  if (found === undefined) {
    const moving = leavesOf(filter).flatMap(({ leaf }) => (moves(leaf) ? [leaf] : []));
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
