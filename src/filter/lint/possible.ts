import { printFilter } from '../print.js';
import type { Moment } from '../time.js';
import type { Did, Filter, Leaf, LeafKind, NodeOf } from '../tree.js';
import { accepts } from './accepts.js';
import type { Accepts } from './accepts.js';
import { countsImplied, countsIn } from './counts.js';
import { complement, intersect, isNothing, noValue, unite } from './values.js';
import type { Values } from './values.js';

/**
 * What a person has to have so that a filter can be true of them: for each subject that it constrains a set of values outside of
 * which it is false. Null where no values would do.
 */
export type Possible = ReadonlyMap<string, Values> | null;

/** Subjects that one branch may constrain before the rest is left open, so that a large filter costs no more than it is worth. */
const mostSubjects = 400;

/**
 * Sound, not complete: null means that the filter (or under `negated` its opposite) matches nobody at that moment, whatever
 * people have; a map means nothing.
 */
export function possible(filter: Filter, moment: Moment, negated = false): Possible {
  return possibleAmong(countsIn(filter), filter, moment, negated);
}

/** @param counts the clauses that count events, each of which says something of the others */
function possibleAmong(counts: readonly Did[], filter: Filter, moment: Moment, negated: boolean): Possible {
  if (filter.kind === 'not') return possibleAmong(counts, filter.operand, moment, !negated);
  const itself = new Map([[clauseOf(filter), verdict(!negated)]]);
  if (filter.kind !== 'and' && filter.kind !== 'or') {
    return together([...ofLeaf(filter, moment, negated, counts), itself]);
  }
  const parts = filter.operands.map((operand) => possibleAmong(counts, operand, moment, negated));
  const inner = (filter.kind === 'and') === negated ? either(parts) : together(parts);
  return together([inner, itself]);
}

/** Each clause is a subject too, which is true or false of a person: so that it and its opposite exclude each other. */
function clauseOf(filter: Filter): string {
  let written = printed.get(filter);
  if (written === undefined) {
    written = `clause:${JSON.stringify(printFilter(filter))}`;
    printed.set(filter, written);
  }
  return written;
}

/** A clause is looked at once for each clause around it. */
const printed = new WeakMap<Filter, string>();

function verdict(isTrue: boolean): Values {
  return { ...noValue, boolean: new Set([isTrue]) };
}

export function acceptsOf<K extends LeafKind>(leaf: NodeOf<K>, moment: Moment): Accepts {
  const { kind }: { readonly kind: K } = leaf;
  return accepts[kind](leaf, moment);
}

function ofLeaf(leaf: Leaf, moment: Moment, negated: boolean, counts: readonly Did[]): Possible[] {
  const { subject, most, least } = acceptsOf(leaf, moment);
  const values = negated ? complement(least) : most;
  if (isNothing(values)) return [null];
  const implied = leaf.kind === 'did' ? countsImplied(leaf, values, counts, moment) : [];
  return [new Map([[subject, values]]), ...implied.map((each) => new Map([each]))];
}

function together(parts: readonly Possible[]): Possible {
  const all = new Map<string, Values>();
  for (const part of parts) {
    if (part === null) return null;
    for (const [subject, values] of part) {
      const before = all.get(subject);
      if (before === undefined && all.size >= mostSubjects) continue;
      const both = before === undefined ? values : intersect(before, values);
      if (isNothing(both)) return null;
      all.set(subject, both);
    }
  }
  return all;
}

/** Only what every alternative constrains is constrained; an alternative that cannot be is none. */
function either(parts: readonly Possible[]): Possible {
  const [first, ...others] = parts.filter((part) => part !== null);
  if (first === undefined) return null;
  const all = new Map<string, Values>();
  for (const [subject, values] of first) {
    let united: Values | null = values;
    for (const other of others) {
      const more = other.get(subject);
      united = more === undefined || united === null ? null : unite(united, more);
    }
    if (united !== null) all.set(subject, united);
  }
  return all;
}
