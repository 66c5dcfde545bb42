import { nearness } from './explain/reason.js';
import type { Failure, Reason } from './explain/reason.js';
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

/**
 * Sends everybody through a filter, clause by clause.
 *
 * The operands of the outermost `and` follow each other; so do those of an `and` among them, and of an `or` under `!`, which
 * says the same. The alternatives of an `or` do not: each starts from what the `or` itself started from.
 *
 * An `or` fails by the nearest miss of its operands, an `and` by its first operand that fails, a `!` as `different`: there
 * is what should not be.
 */
export function funnelOf(filter: Filter, groups: readonly AlikeGroup[]): Funnel {
  const root = placesOf(filter);
  let total = 0;
  let matched = 0;
  for (const group of groups) {
    total += group.people;
    if (send(root, group, true) === null) matched += group.people;
  }
  const listed = flat(root).filter((place) => !place.hidden);
  const emptying = total === 0 ? undefined : stepsOf(root).find(({ soFar }) => soFar === 0);
  return {
    total,
    matched,
    emptied_by: emptying?.node.path ?? null,
    clauses: listed.map(({ node, depth, negated, alone, soFar, failed }) => ({
      path: node.path,
      kind: node.kind,
      sentence: sentence(node),
      depth,
      negated,
      passed_alone: alone,
      passed_so_far: soFar,
      failed,
    })),
  };
}

/** A node of the filter with what is counted there. */
interface Place {
  readonly node: Filter;
  readonly depth: number;
  readonly negated: boolean;
  /** The outermost `and`, which is the funnel itself and no clause of it. */
  readonly hidden: boolean;
  /** Position among the leaves; -1 for what is none. */
  readonly leaf: number;
  readonly inner: readonly Place[];
  alone: number;
  soFar: number;
  readonly failed: Record<Failure, number>;
}

function placesOf(filter: Filter): Place {
  const positions = new Map<Filter, number>(leavesOf(filter).map(({ leaf }, index) => [leaf, index]));
  const place = (node: Filter, depth: number, negated: boolean): Place => {
    const hidden = depth === 0 && node === filter && node.kind === 'and';
    const below = hidden ? depth : depth + 1;
    return {
      node,
      depth,
      negated,
      hidden,
      leaf: positions.get(node) ?? -1,
      inner: innerOf(node).map((each) => place(each, below, negated !== (node.kind === 'not'))),
      alone: 0,
      soFar: 0,
      failed: noFailures(),
    };
  };
  return place(filter, 0, false);
}

function innerOf(node: Filter): readonly Filter[] {
  if (node.kind === 'and' || node.kind === 'or') return node.operands;
  return node.kind === 'not' ? [node.operand] : [];
}

export function noFailures(): Record<Failure, number> {
  return {
    missing: 0,
    type_mismatch: 0,
    case_mismatch: 0,
    unparsable_time: 0,
    outside_window: 0,
    different: 0,
  };
}

/** Whether the operands have to hold one after the other; under `!` an `or` asks that none does. */
function isChain({ node, negated }: Place): boolean {
  return node.kind === (negated ? 'or' : 'and');
}

/** Counts a group at a place and below it. Answers why the place is false for them, or null. */
function send(place: Place, group: AlikeGroup, before: boolean): Failure | null {
  let stillThere = before;
  const inner = place.inner.map((each) => {
    const failure = send(each, group, stillThere);
    if (isChain(place)) stillThere &&= (failure === null) !== each.negated;
    return failure;
  });
  const failure = failureOf(place, group, inner);
  if (failure === null) place.alone += group.people;
  else place.failed[failure] += group.people;
  if (before && (failure === null) !== place.negated) place.soFar += group.people;
  return failure;
}

function failureOf(
  { node, leaf }: Place,
  { reasons }: AlikeGroup,
  inner: readonly (Failure | null)[],
): Failure | null {
  if (node.kind === 'and') return inner.find((each) => each !== null) ?? null;
  if (node.kind === 'or') {
    return inner.includes(null) ? null : (nearness.find((each) => inner.includes(each)) ?? 'different');
  }
  if (node.kind === 'not') return inner[0] === null ? 'different' : null;
  const reason = reasons[leaf] ?? 'different';
  return reason === 'matched' ? null : reason;
}

function flat(place: Place): Place[] {
  return [place, ...place.inner.flatMap(flat)];
}

/** The clauses that have to hold one after the other, in order. */
function stepsOf(place: Place): Place[] {
  if (isChain(place) || place.node.kind === 'not') return place.inner.flatMap(stepsOf);
  return [place];
}

/** The clauses that follow each other in the funnel, each with whether it stands under an odd number of `!`. */
export function chainOf(filter: Filter): { clause: Filter; negated: boolean }[] {
  return stepsOf(placesOf(filter)).map(({ node, negated }) => ({ clause: node, negated }));
}

/** How many people would match who do not, if a clause were true, or under `!` false, for those of them named. */
export function gainOf(
  filter: Filter,
  groups: readonly AlikeGroup[],
  clause: { readonly clause: Filter; readonly negated: boolean },
  isNamed: (group: AlikeGroup) => boolean = () => true,
): number {
  const leaves = new Map<Filter, number>(leavesOf(filter).map(({ leaf }, index) => [leaf, index]));
  const holds = (node: Filter, group: AlikeGroup, changed: boolean): boolean => {
    if (changed && node === clause.clause) return !clause.negated;
    if (node.kind === 'and') return node.operands.every((each) => holds(each, group, changed));
    if (node.kind === 'or') return node.operands.some((each) => holds(each, group, changed));
    if (node.kind === 'not') return !holds(node.operand, group, changed);
    return group.reasons[leaves.get(node) ?? -1] === 'matched';
  };
  return groups.reduce((sum, group) => {
    const gained = isNamed(group) && !holds(filter, group, false) && holds(filter, group, true);
    return gained ? sum + group.people : sum;
  }, 0);
}
