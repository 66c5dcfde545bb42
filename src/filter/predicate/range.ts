import type { Field } from '../fields.js';
import type { CompareOperator } from '../tree.js';
import { columnInstant, isObject, plainKeyOf, readerOf, textInstant } from '../values.js';
import { cost } from './compiled.js';
import type { Compiled } from './compiled.js';

/** Both ends included; an infinite end is open. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * The numbers that an ordering admits. Doubles are discrete, so that "above 5" is "from the next double on". A stored
 * number beyond the doubles, which is read as infinite, is no number of the language and lies in no range.
 */
export function numbersOf(operator: Exclude<CompareOperator, '==' | '!='>, bound: number): Range {
  if (operator === '<') return { low: -Number.MAX_VALUE, high: -nextAbove(-bound) };
  if (operator === '<=') return { low: -Number.MAX_VALUE, high: bound };
  if (operator === '>') return { low: nextAbove(bound), high: Number.MAX_VALUE };
  return { low: bound, high: Number.MAX_VALUE };
}

/** The smallest double greater than a finite one. */
function nextAbove(number: number): number {
  if (number === 0) return Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  view.setBigInt64(0, view.getBigInt64(0) + (number > 0 ? 1n : -1n));
  return view.getFloat64(0);
}

/** The field's value is a number inside the range. NaN, a derived field's "no time", is inside none. */
export function numbersIn(field: Field, { low, high }: Range, now: number): Compiled {
  const key = plainKeyOf(field);
  if (key === null) {
    const value = readerOf(field, now);
    return {
      test: (user) => {
        const seen = value(user);
        return typeof seen === 'number' && seen >= low && seen <= high;
      },
      cost: cost.column,
    };
  }
  return {
    test: (user) => {
      const bag: unknown = user.custom_fields;
      if (!isObject(bag)) return false;
      const seen = bag[key];
      return typeof seen === 'number' && seen >= low && seen <= high;
    },
    cost: cost.read,
  };
}

/** The instants that a comparison admits, or the one it keeps clear of. */
export function instantsOf(operator: CompareOperator, instant: number): Range | { readonly apart: number } {
  const ranges: { readonly [K in CompareOperator]: Range | { readonly apart: number } } = {
    '==': { low: instant, high: instant },
    '!=': { apart: instant },
    '<': { low: -Infinity, high: instant - 1 },
    '<=': { low: -Infinity, high: instant },
    '>': { low: instant + 1, high: Infinity },
    '>=': { low: instant, high: Infinity },
  };
  return ranges[operator];
}

/** The field's value is a time inside the range (or a time apart from the one instant). What is no time is NaN: inside none. */
export function instantsIn(field: Field, range: Range | { readonly apart: number }, now: number): Compiled {
  const value = readerOf(field, now);
  const costs = field.kind === 'column' ? cost.column : cost.parse;
  if ('apart' in range) {
    const { apart } = range;
    const instant = field.kind === 'column' ? columnInstant : textInstant;
    return {
      test: (user) => {
        const seen = instant(value(user));
        return seen !== apart && !Number.isNaN(seen);
      },
      cost: costs,
    };
  }
  const { low, high } = range;
  if (field.kind === 'column') {
    return {
      test: (user) => {
        const seen = columnInstant(value(user));
        return seen >= low && seen <= high;
      },
      cost: costs,
    };
  }
  return {
    test: (user) => {
      const seen = textInstant(value(user));
      return seen >= low && seen <= high;
    },
    cost: costs,
  };
}
