import { nameOf } from './fields.js';
import type { Field } from './fields.js';
import type { Time } from './time.js';
import { read } from './tree.js';
import type { Filter, Literal, Reader, Subject } from './tree.js';

/** A JSON value as `printFilter` writes it; null and empty objects do not occur. */
export type JsonPart = string | number | boolean | readonly JsonPart[] | { readonly [key: string]: JsonPart };

/** A filter as JSON: an object with one operator. */
export type JsonFilter = { readonly [operator: string]: JsonPart };

/**
 * The filter as JSON Logic, in canonical form: operands in lists except for `!`, `exists` and `missing`, which hold
 * theirs bare; ISO text against a time column as `{"at": ...}`; `start_of` with its offset; `did` with its count;
 * `everyone` as true.
 * `parseFilter(printFilter(filter))` equals the filter, paths aside; a segment needs the same saved segments for that.
 */
export function printFilter(filter: Filter): JsonFilter {
  return read(printer, filter, undefined);
}

const printer: Reader<undefined, JsonFilter> = {
  and: ({ operands }) => ({ and: operands.map(printFilter) }),
  or: ({ operands }) => ({ or: operands.map(printFilter) }),
  not: ({ operand }) => ({ '!': printFilter(operand) }),
  everyone: () => ({ everyone: true }),
  compare: ({ operator, subject, value }) => ({ [operator]: [subjectOf(subject), literalOf(value)] }),
  in: ({ subject, items }) => ({ in: [subjectOf(subject), items.map(literalOf)] }),
  between: ({ subject, low, high }) => ({ between: [subjectOf(subject), literalOf(low), literalOf(high)] }),
  text: ({ operator, subject, text }) => ({ [operator]: [subjectOf(subject), text] }),
  has: ({ operator, field, items }) => {
    const printed = items.map(literalOf);
    const [first] = printed;
    return { [operator]: [varOf(field), operator === 'has' && first !== undefined ? first : printed] };
  },
  presence: ({ operator, field }) => ({ [operator]: varOf(field) }),
  percent: ({ salt, low, high }) => ({ percent: [salt, low, high] }),
  did: ({ event, count, within, where }) => ({
    did: {
      event,
      count: [count.operator, count.value],
      ...(within === null ? {} : { within: [within.amount, within.unit] }),
      ...(where === null ? {} : { where: printFilter(where) }),
    },
  }),
  segment: ({ key }) => ({ segment: key }),
};

function varOf(field: Field): JsonPart {
  return { var: nameOf(field) };
}

function subjectOf(subject: Subject): JsonPart {
  return subject.lower ? { lower: varOf(subject.field) } : varOf(subject.field);
}

function literalOf(literal: Literal): JsonPart {
  return literal.type === 'time' ? timeOf(literal.value) : literal.value;
}

function timeOf(time: Time): JsonPart {
  if (time.kind === 'at') return { at: time.text };
  if (time.kind === 'start_of') return { start_of: [time.unit, time.offset] };
  return { [time.kind]: [time.amount, time.unit] };
}

/** Whether two filters are the same tree, wherever each was written: paths are ignored. */
export function equalFilters(a: Filter, b: Filter): boolean {
  return equalParts(a, b);
}

function equalParts(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = partsOf(a);
  const right = partsOf(b);
  return (
    left.size === right.size &&
    [...left].every(([key, value]) => right.has(key) && equalParts(value, right.get(key)))
  );
}

/** Members of a list or object of the tree; nothing in a tree but a node has a `path`. */
function partsOf(value: object): Map<string, unknown> {
  const parts = new Map<string, unknown>(Object.entries(value));
  parts.delete('path');
  return parts;
}
