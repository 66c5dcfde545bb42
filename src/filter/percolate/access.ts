import type { Field } from '../fields.js';
import { canHold } from '../predicate/compiled.js';
import { read } from '../tree.js';
import type { Filter, Literal, Reader, Subject } from '../tree.js';

/** A value that a person has to have, in a field or as an item of it. */
export interface AccessKey {
  readonly kind: 'value' | 'folded' | 'item';
  readonly field: Field;
  readonly value: string | number | boolean;
}

/** Lists longer than this are no way in: each of their items would be a key. */
const mostKeys = 64;

/**
 * The ways in to a filter: sets of keys of which everybody who matches has at least one. Any one set will do. None where no
 * clause has to hold that names a value. An empty set: nobody matches.
 */
export function accessOf(filter: Filter): AccessKey[][] {
  return read(reader, filter, false);
}

type Access = AccessKey[][];

const nowhere = (): Access => [];

const reader: Reader<boolean, Access> = {
  and: ({ operands }, negated) => joined(!negated, operands, negated),
  or: ({ operands }, negated) => joined(negated, operands, negated),
  not: ({ operand }, negated) => read(reader, operand, !negated),
  segment: ({ filter }, negated) => read(reader, filter, negated),
  everyone: (_, negated) => (negated ? [[]] : []),
  compare: ({ operator, subject, value }, negated) =>
    negated || operator !== '==' ? [] : valuesOf(subject, [value]),
  in: ({ subject, items }, negated) => (negated ? [] : valuesOf(subject, items)),
  between: nowhere,
  text: nowhere,
  has: ({ operator, field, items }, negated) => {
    if (negated || items.length > mostKeys) return [];
    if (!canHold(field, 'text')) return [[]];
    const keys = items.map(({ value }): AccessKey => ({ kind: 'item', field, value }));
    // All of them are needed, so that each alone is a way in.
    return operator === 'has_all' ? keys.map((key) => [key]) : [keys];
  },
  presence: nowhere,
  percent: nowhere,
  did: nowhere,
};

/** Where all operands hold, each way in of each is one; where any does, one of each is needed. */
function joined(all: boolean, operands: readonly Filter[], negated: boolean): Access {
  const ways = operands.map((operand) => read(reader, operand, negated));
  if (all) return ways.flat();
  const first = ways.map((each) => each.toSorted((a, b) => a.length - b.length)[0]);
  const found = first.filter((keys) => keys !== undefined);
  return found.length < first.length || found.flat().length > mostKeys ? [] : [found.flat()];
}

function valuesOf({ field, lower }: Subject, literals: readonly Literal[]): Access {
  // A derived count moves with the clock, and a time is written in many ways.
  if (field.kind === 'derived' || literals.length > mostKeys) return [];
  const keys: AccessKey[] = [];
  for (const { type, value } of literals) {
    if (!canHold(field, type)) continue;
    if (type === 'time') return [];
    keys.push({ kind: lower && type === 'text' ? 'folded' : 'value', field, value });
  }
  return [keys];
}
