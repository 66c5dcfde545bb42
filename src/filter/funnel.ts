import { nearness } from './explain/reason.js';
import type { Failure, Reason } from './explain/reason.js';
import { noFailures } from './funnel/failures.js';
import { couldHold, sharedSubjects } from './funnel/subjects.js';
import { sentence } from './sentence.js';
import { leavesOf } from './tree.js';
import type { Filter, FilterKind } from './tree.js';

/** So many people whom every leaf judges alike. */
export interface AlikeGroup {
  /** The reason of each leaf in document order, before any `!` above it. */
  readonly reasons: readonly Reason[];
  readonly people: number;
}

/** One clause of a filter: a leaf, or what holds several together. */
export interface FunnelClause {
  /** JSON Pointer of the clause in the filter's document. */
  readonly path: string;
  readonly kind: FilterKind;
  readonly sentence: string;
  /** How many clauses it stands inside of; the outermost `and` is none. */
  readonly depth: number;
  /** Whether an odd number of `!` stands above it: the filter then takes those who fail it. */
  readonly negated: boolean;
  /** People for whom it is true by itself, before any `!` above it. */
  readonly passed_alone: number;
  /** People who are left once it and all that has to hold before it have been asked. */
  readonly passed_so_far: number;
  /** Why it is false for the others. With `passed_alone` they add up to everybody. */
  readonly failed: Readonly<Record<Failure, number>>;
}

export interface Funnel {
  readonly total: number;
  readonly matched: number;
  /** The first clause after which nobody is left, or null. */
  readonly emptied_by: string | null;
  /** In document order, each clause before those inside of it. */
  readonly clauses: readonly FunnelClause[];
}

/** What is counted at one leaf, before any `!` above it. */
export interface LeafCount {
  /** People who fail it, by the reason. */
  readonly failed: Readonly<Record<Failure, number>>;
  /** How many of those would match the whole filter if the leaf were true for them, by the reason. */
  readonly gains: Readonly<Record<Failure, number>>;
}

/** What is counted at one of the clauses that follow each other in the funnel. */
export interface StepCount {
  readonly clause: Filter;
  /** Whether it stands under an odd number of `!`. */
  readonly negated: boolean;
  /** How many more would match the whole filter without it. */
  readonly gain: number;
}

/** Sends groups of people through a filter, one group after the other. */
export interface FunnelCount {
  /** Takes one pass over the clauses of the filter. */
  add(group: AlikeGroup): void;
  funnel(): Funnel;
  /** In document order, as `leavesOf`. */
  readonly leaves: readonly LeafCount[];
  /** By `subjectOf`, where several leaves ask about one thing: how many could match if it were another, by why it fails now. */
  readonly subjects: ReadonlyMap<string, Readonly<Record<Failure, number>>>;
  readonly steps: readonly StepCount[];
}

/** A clause of the filter with what is counted there. */
interface Place {
  readonly index: number;
  readonly node: Filter;
  readonly depth: number;
  readonly negated: boolean;
  /** The outermost `and`, which is the funnel itself and no clause of it. */
  readonly hidden: boolean;
  /** Position among the leaves; -1 for what is none. */
  readonly leaf: number;
  readonly inner: readonly Place[];
  /** Whether the operands have to hold one after the other; under `!` an `or` asks that none does. */
  readonly isChain: boolean;
  alone: number;
  soFar: number;
  readonly failed: Record<Failure, number>;
}

/**
 * Counts people in a filter's funnel, clause by clause.
 *
 * The operands of the outermost `and` follow each other; so do those of an `and` among them, and of an `or` under `!`, which
 * says the same. The alternatives of an `or` do not: each starts from what the `or` itself started from.
 *
 * An `or` fails by the nearest miss of its operands, an `and` by its first operand that fails, a `!` as `different`: there
 * is what should not be.
 *
 * What turning a clause would gain is found in the same pass: it turns the whole filter if it decides each clause around it,
 * which the clauses beside it tell. Evaluating the filter anew for each turned clause would cost the square of its size.
 */
export function funnelCount(filter: Filter): FunnelCount {
  const places = placesOf(filter);
  const leaves = places.flatMap((place) =>
    place.leaf < 0 ? [] : [{ place, failed: place.failed, gains: noFailures() }],
  );
  const steps = stepsOf(places[0]).map((place) => ({
    place,
    clause: place.node,
    negated: place.negated,
    gain: 0,
  }));
  const subjects = sharedSubjects(leaves.map(({ place }) => place));
  // Why a clause is false for the group at hand, null where it is true; whether they are still there; whether it decides.
  const failures = places.map((): Failure | null => null);
  const before = places.map(() => false);
  const decides = places.map(() => false);
  let total = 0;
  let matched = 0;

  function add(group: AlikeGroup): void {
    const { people } = group;
    // Those inside of a clause stand behind it in the list.
    for (let index = places.length - 1; index >= 0; index -= 1) {
      const place = places[index];
      if (place !== undefined) failures[index] = failureOf(place, group, failures);
    }
    before[0] = true;
    for (const place of places) countAt(place, people);
    total += people;
    if (failures[0] === null) matched += people;
    else addGains(people);
  }

  function countAt(place: Place, people: number): void {
    const failure = failures[place.index] ?? null;
    if (failure === null) place.alone += people;
    else place.failed[failure] += people;
    let stillThere = before[place.index] === true;
    if (stillThere && (failure === null) !== place.negated) place.soFar += people;
    for (const each of place.inner) {
      before[each.index] = stillThere;
      if (place.isChain) stillThere &&= (failures[each.index] === null) !== each.negated;
    }
  }

  function addGains(people: number): void {
    decides.fill(false);
    decides[0] = true;
    for (const { index, node, inner } of places) {
      if (decides[index] !== true) continue;
      // An operand decides where none of the others settles the clause: none is false in an `and`, or true in an `or`.
      const settles = (each: Place): boolean => (failures[each.index] === null) === (node.kind === 'or');
      const settling = node.kind === 'not' ? 0 : inner.filter(settles).length;
      if (settling > 1) continue;
      for (const each of inner) decides[each.index] = settling === 0 || settles(each);
    }
    for (const { place, gains } of leaves) {
      const failure = failures[place.index] ?? null;
      if (failure !== null && decides[place.index] === true) gains[failure] += people;
    }
    for (const { places: asking, open, gains } of subjects.values()) {
      const why = new Set(asking.flatMap(({ index }) => failures[index] ?? []));
      if (why.size === 0 || !couldHold(places, failures, open)) continue;
      for (const failure of why) gains[failure] += people;
    }
    for (const step of steps) {
      const isWanted = (failures[step.place.index] === null) !== step.negated;
      if (!isWanted && decides[step.place.index] === true) step.gain += people;
    }
  }

  return {
    add,
    funnel: () => {
      const emptying = total === 0 ? undefined : steps.find(({ place }) => place.soFar === 0);
      return {
        total,
        matched,
        emptied_by: emptying?.clause.path ?? null,
        clauses: places.filter(({ hidden }) => !hidden).map(clauseOf),
      };
    },
    leaves,
    subjects: new Map(Array.from(subjects, ([subject, { gains }]) => [subject, gains])),
    steps,
  };
}

/** The funnel of groups that are all there. */
export function funnelOf(filter: Filter, groups: readonly AlikeGroup[]): Funnel {
  const count = funnelCount(filter);
  for (const group of groups) count.add(group);
  return count.funnel();
}

function clauseOf({ node, depth, negated, alone, soFar, failed }: Place): FunnelClause {
  return {
    path: node.path,
    kind: node.kind,
    sentence: sentence(node),
    depth,
    negated,
    passed_alone: alone,
    passed_so_far: soFar,
    failed,
  };
}

/** Each clause before those inside of it. */
function placesOf(filter: Filter): Place[] {
  const positions = new Map<Filter, number>(leavesOf(filter).map(({ leaf }, index) => [leaf, index]));
  const places: Place[] = [];
  const place = (node: Filter, depth: number, negated: boolean): Place => {
    const index = places.length;
    const hidden = depth === 0 && node === filter && node.kind === 'and';
    const below = hidden ? depth : depth + 1;
    const inner: Place[] = [];
    const made: Place = {
      index,
      node,
      depth,
      negated,
      hidden,
      leaf: positions.get(node) ?? -1,
      inner,
      isChain: node.kind === (negated ? 'or' : 'and'),
      alone: 0,
      soFar: 0,
      failed: noFailures(),
    };
    places.push(made);
    for (const each of innerOf(node)) inner.push(place(each, below, negated !== (node.kind === 'not')));
    return made;
  };
  place(filter, 0, false);
  return places;
}

function innerOf(node: Filter): readonly Filter[] {
  if (node.kind === 'and' || node.kind === 'or') return node.operands;
  return node.kind === 'not' ? [node.operand] : [];
}

function failureOf(
  { node, leaf, inner }: Place,
  { reasons }: AlikeGroup,
  failures: readonly (Failure | null)[],
): Failure | null {
  const failureIn = (each: Place): Failure | null => failures[each.index] ?? null;
  if (node.kind === 'and') {
    for (const each of inner) if (failureIn(each) !== null) return failureIn(each);
    return null;
  }
  if (node.kind === 'or') {
    let nearest = nearness.length - 1;
    for (const each of inner) {
      const failure = failureIn(each);
      if (failure === null) return null;
      nearest = Math.min(nearest, nearness.indexOf(failure));
    }
    return nearness[nearest] ?? 'different';
  }
  if (node.kind === 'not') return inner.every((each) => failureIn(each) === null) ? 'different' : null;
  const reason = reasons[leaf] ?? 'different';
  return reason === 'matched' ? null : reason;
}

/** The clauses that have to hold one after the other, in order. */
function stepsOf(place: Place | undefined): Place[] {
  if (place === undefined) return [];
  if (place.isChain || place.node.kind === 'not') return place.inner.flatMap(stepsOf);
  return [place];
}
