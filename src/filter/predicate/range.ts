import { admits, isPlain } from '../admitted.js';
import type { Admitted } from '../admitted.js';
import type { Field } from '../fields.js';
import type { Moment } from '../time.js';
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
export function numbersIn(field: Field, { low, high }: Range, moment: Moment): Compiled {
  const key = plainKeyOf(field);
  if (key === null) {
    const value = readerOf(field, moment);
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

/** The field's value is a time that is admitted. What is no time is NaN, which lies in no range. */
export function timesIn(field: Field, admitted: Admitted, moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const costs = field.kind === 'column' ? cost.column : cost.parse;
  const { from, to } = admitted;
  if (!isPlain(admitted)) {
    const time = field.kind === 'column' ? columnInstant : textInstant;
    return { test: (user) => admits(admitted, time(value(user))), cost: costs };
  }
  if (field.kind === 'column') {
    return {
      test: (user) => {
        const seen = columnInstant(value(user));
        return seen >= from && seen < to;
      },
      cost: costs,
    };
  }
  return {
    test: (user) => {
      const seen = textInstant(value(user));
      return seen >= from && seen < to;
    },
    cost: costs,
  };
}
