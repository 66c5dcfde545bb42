import type { Failure } from '../explain/reason.js';
import { derived, nameOf } from '../fields.js';
import { fieldOf } from '../sentence/missing.js';
import type { Filter, Leaf } from '../tree.js';
import { noFailures } from './failures.js';

/** A clause of a filter, by its place in a list in which each stands before those inside of it. */
interface Clause {
  readonly index: number;
  readonly node: Filter;
  /** Position among the leaves; -1 for what is none. */
  readonly leaf: number;
  readonly inner: readonly Clause[];
}

/**
 * What a leaf asks about: two that ask about one thing change together when it is sent. That is the whole trait where a value inside of it
 * is asked for, and the company where something of it is.
 */
export function subjectOf(leaf: Leaf): string | null {
  if (leaf.kind === 'did') return `did:${leaf.event}`;
  const field = fieldOf(leaf);
  if (field === null) return null;
  if (field.entity === 'company') return 'company';
  if (field.kind === 'custom') return `custom:${field.tokens[0]}`;
  return field.kind === 'derived' ? derived[field.name].from : nameOf(field);
}

/** Each takes a pass over the clauses for each group, so there are no more than are told about. */
const mostSubjects = 10;

export interface SharedSubject {
  readonly places: Clause[];
  /** The same by their index. */
  readonly open: Set<number>;
  readonly gains: Record<Failure, number>;
}

export function sharedSubjects(leaves: readonly Clause[]): Map<string, SharedSubject> {
  const found = new Map<string, SharedSubject>();
  for (const place of leaves) {
    const { node } = place;
    const subject = node.kind === 'and' || node.kind === 'or' || node.kind === 'not' ? null : subjectOf(node);
    if (subject === null) continue;
    const known = found.get(subject);
    if (known === undefined) {
      found.set(subject, { places: [place], open: new Set([place.index]), gains: noFailures() });
    } else {
      known.places.push(place);
      known.open.add(place.index);
    }
  }
  return new Map([...found].filter(([, { places }]) => places.length > 1).slice(0, mostSubjects));
}

/** Whether the filter could be true of a group if what some leaves ask about were another: each of them may then be either. */
export function couldHold(
  places: readonly Clause[],
  failures: readonly (Failure | null)[],
  open: ReadonlySet<number>,
): boolean {
  const may: boolean[] = [];
  const must: boolean[] = [];
  for (let index = places.length - 1; index >= 0; index -= 1) {
    const place = places[index];
    if (place === undefined) continue;
    const isOpen = open.has(index);
    const inner = place.inner.map((each) => each.index);
    const every = place.node.kind !== 'or';
    const of = (values: readonly boolean[]): boolean =>
      every ? inner.every((each) => values[each] === true) : inner.some((each) => values[each] === true);
    if (place.leaf >= 0) {
      may[index] = isOpen || failures[index] === null;
      must[index] = !isOpen && failures[index] === null;
    } else if (place.node.kind === 'not') {
      may[index] = !of(must);
      must[index] = !of(may);
    } else {
      may[index] = of(may);
      must[index] = of(must);
    }
  }
  return may[0] === true;
}
