import { nameOf } from '../fields.js';
import type { Field } from '../fields.js';
import { leavesOf, leavesWithin, read } from '../tree.js';
import type { Filter, Leaf, Reader } from '../tree.js';
import { fieldWords } from './field.js';

const mostNamed = 3;

/**
 * Whom `!` over the filter includes for lack of a value, such as `no role` or `no role or no plan`: the fields that,
 * when missing, make the filter false whatever else a person (or inside a `where`, an event) has. Null when there is none to name,
 * as where what else is `held` leaves them out.
 */
export function includedWithout(filter: Filter, held: readonly Filter[]): string | null {
  const fields = new Map<string, Field>();
  for (const leaf of leavesWithin(filter)) {
    const field = fieldOf(leaf);
    if (field !== null && mayBeMissing(field)) fields.set(nameOf(field), field);
    // Each field costs one walk; a filter this wide is told about as a whole below.
    if (fields.size > mostNamed) break;
  }
  // Of a filter on "is set" alone, "not (role is set)" already says it.
  if (leavesOf(filter).every(({ leaf }) => leaf.kind === 'presence')) return null;
  const named = [...fields]
    .slice(0, mostNamed)
    .filter(([name]) => isIncluded(filter, held, (field) => nameOf(field) === name))
    .map(([, field]) => `no ${fieldWords(field)}`);
  if (named.length > 0)
    return fields.size > mostNamed ? `${named.join(' or ')}, among others` : named.join(' or ');
  const names = new Set(leavesWithin(filter).flatMap((leaf) => namesOf(leaf)));
  return isIncluded(filter, held, (field) => names.has(nameOf(field))) ? 'none of these set' : null;
}

function isIncluded(filter: Filter, held: readonly Filter[], missing: (field: Field) => boolean): boolean {
  const isFalse = (each: Filter): boolean => read(without, each, missing) === false;
  return isFalse(filter) && !held.some(isFalse);
}

function namesOf(leaf: Leaf): string[] {
  const field = fieldOf(leaf);
  return field === null || !mayBeMissing(field) ? [] : [nameOf(field)];
}

/** Whether somebody can be without it: what Muster counts from a time that everybody has, nobody is. */
export function mayBeMissing(field: Field): boolean {
  return field.kind !== 'derived' || field.entity === 'company';
}

/** The field that a condition asks about. */
export function fieldOf(leaf: Leaf): Field | null {
  if (leaf.kind === 'presence' || leaf.kind === 'has') return leaf.field;
  return 'subject' in leaf ? leaf.subject.field : null;
}

/** Truth of a filter for a person of whom only the missing fields are known; null when it depends on the rest. */
const without: Reader<(field: Field) => boolean, boolean | null> = {
  and: ({ operands }, missing) => all(operands, missing, false),
  or: ({ operands }, missing) => all(operands, missing, true),
  not: ({ operand }, missing) => {
    const inner = read(without, operand, missing);
    return inner === null ? null : !inner;
  },
  everyone: () => true,
  compare: ({ subject }, missing) => (missing(subject.field) ? false : null),
  in: ({ subject }, missing) => (missing(subject.field) ? false : null),
  between: ({ subject }, missing) => (missing(subject.field) ? false : null),
  text: ({ subject }, missing) => (missing(subject.field) ? false : null),
  has: ({ field }, missing) => (missing(field) ? false : null),
  presence: ({ operator, field }, missing) => (missing(field) ? operator === 'missing' : null),
  percent: () => null,
  // What a person never did is no missing value: "not (did ...)" already says it.
  did: () => null,
  segment: ({ filter }, missing) => read(without, filter, missing),
};

/** `and` when false decides, `or` when true does. */
function all(
  operands: readonly Filter[],
  missing: (field: Field) => boolean,
  decides: boolean,
): boolean | null {
  let result: boolean | null = !decides;
  for (const operand of operands) {
    const value = read(without, operand, missing);
    if (value === decides) return decides;
    if (value === null) result = null;
  }
  return result;
}
