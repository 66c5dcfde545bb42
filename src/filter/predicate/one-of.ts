import { equalTimes } from '../admitted.js';
import type { Field } from '../fields.js';
import type { Moment, Time } from '../time.js';
import type { Literal, OneOf } from '../tree.js';
import { columnInstant, foldAscii, isObject, plainKeyOf, readerOf, textInstant } from '../values.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';
import { any } from './connect.js';

/** `in` with a list: equals one of the items, by type and value. */
export function oneOf({ subject, items }: OneOf, moment: Moment): Compiled {
  const { field, lower } = subject;
  const scalars: (string | number | boolean)[] = [];
  const times: Time[] = [];
  for (const item of items) {
    if (!canHold(field, item.type)) continue;
    if (item.type === 'time') times.push(item.value);
    else scalars.push(item.value);
  }
  const parts: Compiled[] = [];
  if (scalars.length > 0) parts.push((lower ? foldedOneOf : scalarOneOf)(field, scalars, moment));
  if (times.length > 0) parts.push(timeOneOf(field, times, moment));
  const [first, second] = parts;
  if (first === undefined) return never;
  if (second === undefined) return first;
  return { test: any([first.test, second.test]), cost: first.cost + second.cost };
}

type Scalar = Exclude<Literal, { type: 'time' }>['value'];

/** Lists up to this length are compared one by one; a set wins above it. */
const shortList = 8;

function scalarOneOf(field: Field, items: readonly Scalar[], moment: Moment): Compiled {
  const key = plainKeyOf(field);
  const value = readerOf(field, moment);
  if (items.length > shortList) {
    const set: ReadonlySet<unknown> = new Set(items);
    return { test: (user) => set.has(value(user)), cost: cost.search };
  }
  const [one, two] = items;
  if (items.length === 2 && key !== null) {
    return {
      test: (user) => {
        const bag: unknown = user.custom_fields;
        if (!isObject(bag)) return false;
        const seen = bag[key];
        return seen === one || seen === two;
      },
      cost: cost.read,
    };
  }
  return {
    test: (user) => {
      const seen = value(user);
      for (const item of items) if (item === seen) return true;
      return false;
    },
    cost: cost.column,
  };
}

/** Texts of the field are folded, items are compared as written; numbers and booleans have nothing to fold. */
function foldedOneOf(field: Field, items: readonly Scalar[], moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const set: ReadonlySet<unknown> = new Set(items);
  return {
    test: (user) => {
      const seen = value(user);
      return set.has(typeof seen === 'string' ? foldAscii(seen) : seen);
    },
    cost: cost.fold,
  };
}

/** The field's value is a time that is equal to one of these. */
export function timeOneOf(field: Field, times: readonly Time[], moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const set = new Set(equalTimes(times, field, moment));
  const time = field.kind === 'column' ? columnInstant : textInstant;
  return { test: (user) => set.has(time(value(user))), cost: costOf(field) };
}

/** The field's value is a time, and another one. */
export function timeDiffers(field: Field, other: Time, moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const set = new Set(equalTimes([other], field, moment));
  const time = field.kind === 'column' ? columnInstant : textInstant;
  return {
    test: (user) => {
      const seen = time(value(user));
      return !Number.isNaN(seen) && !set.has(seen);
    },
    cost: costOf(field),
  };
}

function costOf(field: Field): number {
  return field.kind === 'column' ? cost.column : cost.parse;
}
