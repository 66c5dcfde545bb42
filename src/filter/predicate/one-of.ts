import type { Field } from '../fields.js';
import { instantOf } from '../time.js';
import type { Moment } from '../time.js';
import type { Literal, OneOf } from '../tree.js';
import { columnInstant, foldAscii, isObject, plainKeyOf, readerOf, textInstant } from '../values.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';
import { any } from './connect.js';

/** `in` with a list: equals one of the items, by type and value. */
export function oneOf({ subject, items }: OneOf, moment: Moment): Compiled {
  const { field, lower } = subject;
  const scalars: (string | number | boolean)[] = [];
  const instants: number[] = [];
  for (const item of items) {
    if (!canHold(field, item.type)) continue;
    if (item.type === 'time') instants.push(instantOf(item.value, moment));
    else scalars.push(item.value);
  }
  const parts: Compiled[] = [];
  if (scalars.length > 0) parts.push((lower ? foldedOneOf : scalarOneOf)(field, scalars, moment.now));
  if (instants.length > 0) parts.push(instantOneOf(field, instants, moment.now));
  const [first, second] = parts;
  if (first === undefined) return never;
  if (second === undefined) return first;
  return { test: any([first.test, second.test]), cost: first.cost + second.cost };
}

type Scalar = Exclude<Literal, { type: 'time' }>['value'];

/** Lists up to this length are compared one by one; a set wins above it. */
const shortList = 8;

function scalarOneOf(field: Field, items: readonly Scalar[], now: number): Compiled {
  const key = plainKeyOf(field);
  const value = readerOf(field, now);
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
function foldedOneOf(field: Field, items: readonly Scalar[], now: number): Compiled {
  const value = readerOf(field, now);
  const set: ReadonlySet<unknown> = new Set(items);
  return {
    test: (user) => {
      const seen = value(user);
      return set.has(typeof seen === 'string' ? foldAscii(seen) : seen);
    },
    cost: cost.fold,
  };
}

function instantOneOf(field: Field, instants: readonly number[], now: number): Compiled {
  const value = readerOf(field, now);
  const set = new Set(instants);
  const instant = field.kind === 'column' ? columnInstant : textInstant;
  return { test: (user) => set.has(instant(value(user))), cost: cost.parse };
}
