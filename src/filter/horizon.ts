import { dayLength } from './day.js';
import { fieldInstant } from './edges/values.js';
import type { DerivedField } from './fields.js';
import { compilePredicate } from './predicate.js';
import type { UserRecord } from './record.js';
import { isRelative, lastInstant } from './time.js';
import type { Moment, Time } from './time.js';
import { leavesOf } from './tree.js';
import type { Did, Leaf, Literal, Segment } from './tree.js';
import { occurrencesOf } from './did.js';
import { crossings } from './horizon/crossings.js';
import { didFlip } from './horizon/did.js';

/**
 * The first instant after `moment.now` at which the leaf's verdict on this user differs from now's if the data stay,
 * in milliseconds since 1970 (UTC); null when it never does within the years 0001 to 9999.
 *
 * Exact: the verdict is the same at every millisecond from now up to the one before, and another at it. Only relative
 * times, derived fields and the windows of `did` move with the clock, so that every other leaf answers null at once.
 */
export function leafHorizon(leaf: PlainLeaf, user: UserRecord, moment: Moment): number | null {
  if (leaf.kind === 'did') return didHorizon(leaf, user, moment);
  if (!isComparing(leaf)) return null;
  const { field } = leaf.subject;
  if (field.kind === 'derived')
    return firstFlip(leaf, user, moment, dayEdges(leaf, field, user, moment.zone));
  const times = relativeTimesOf(leaf);
  if (times.length === 0) return null;
  const value = fieldInstant(field, user, moment.zone);
  if (Number.isNaN(value)) return null;
  if (leaf.kind === 'in' && times.length > 1) return listHorizon(leaf, times, user, moment);
  return firstFlip(
    leaf,
    user,
    moment,
    times.flatMap((time) => crossings(time, value, moment)),
  );
}

/** A segment moves as its own filter does: see `verdictHorizon`. */
export type PlainLeaf = Exclude<Leaf, Segment>;

type Comparing = Extract<Leaf, { kind: 'compare' | 'between' | 'in' }>;

function isComparing(leaf: Leaf): leaf is Comparing {
  return leaf.kind === 'compare' || leaf.kind === 'between' || leaf.kind === 'in';
}

function relativeTimesOf(leaf: Comparing): Time[] {
  return literalsOf(leaf).flatMap(({ type, value }) => (type === 'time' && isRelative(value) ? [value] : []));
}

/** Events come and go with the clock; with a relative time in `where` they also begin and cease to match. */
function didHorizon(leaf: Did, user: UserRecord, moment: Moment): number | null {
  const { where, within } = leaf;
  const moving = (where === null ? [] : leavesOf(where)).flatMap(({ leaf: inner }) =>
    isComparing(inner) && relativeTimesOf(inner).length > 0 ? [inner] : [],
  );
  if (moving.length === 0) return didFlip(leaf, user, moment);
  const candidates = occurrencesOf(leaf.event, user).flatMap(({ instant, record }) => {
    if (Number.isNaN(instant)) return [];
    const window = within === null ? [] : crossings({ kind: 'ago', ...within }, instant, moment);
    const values = moving.flatMap((inner) => {
      const value = fieldInstant(inner.subject.field, record, moment.zone);
      if (Number.isNaN(value)) return [];
      return relativeTimesOf(inner).flatMap((time) => crossings(time, value, moment));
    });
    return [instant, ...window, ...values];
  });
  return firstFlip(leaf, user, moment, candidates);
}

function literalsOf(leaf: Comparing): readonly Literal[] {
  if (leaf.kind === 'compare') return [leaf.value];
  return leaf.kind === 'between' ? [leaf.low, leaf.high] : leaf.items;
}

/** `candidates` hold every instant at which the verdict may turn; between two of them it is constant. */
function firstFlip(
  leaf: Leaf,
  user: UserRecord,
  moment: Moment,
  candidates: readonly number[],
): number | null {
  const later = [...new Set(candidates)]
    .filter((at) => at > moment.now && at <= lastInstant)
    .toSorted((a, b) => a - b);
  if (later.length === 0) return null;
  const verdict = compilePredicate(leaf, moment)(user);
  return later.find((at) => compilePredicate(leaf, { ...moment, now: at })(user) !== verdict) ?? null;
}

/**
 * A list that does not match now will when its first item does, which each item can say by itself; that keeps a
 * long list from being evaluated whole at every candidate.
 */
function listHorizon(
  leaf: Extract<Leaf, { kind: 'in' }>,
  times: readonly Time[],
  user: UserRecord,
  moment: Moment,
): number | null {
  const value = fieldInstant(leaf.subject.field, user, moment.zone);
  if (compilePredicate(leaf, moment)(user)) {
    return firstFlip(
      leaf,
      user,
      moment,
      times.flatMap((time) => crossings(time, value, moment)),
    );
  }
  let first: number | null = null;
  for (const time of times) {
    const item: Leaf = {
      kind: 'compare',
      path: leaf.path,
      operator: '==',
      subject: leaf.subject,
      value: { type: 'time', value: time },
    };
    const flip = firstFlip(item, user, moment, crossings(time, value, moment));
    if (flip !== null && (first === null || flip < first)) first = flip;
  }
  return first;
}

/** The instants at which a derived count of days reaches or leaves one of the leaf's numbers. */
function dayEdges(leaf: Comparing, field: DerivedField, user: UserRecord, zone: string): number[] {
  const since = fieldInstant(field, user, zone);
  if (Number.isNaN(since)) return [];
  return literalsOf(leaf).flatMap(({ type, value }) =>
    type === 'number'
      ? [Math.ceil(value), Math.floor(value) + 1].map((days) => since + days * dayLength)
      : [],
  );
}
