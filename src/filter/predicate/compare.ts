import { admittedBy } from '../admitted.js';
import type { Field } from '../fields.js';
import type { Moment } from '../time.js';
import type { Compare, CompareOperator, ScalarLiteral } from '../tree.js';
import { compareText, foldAscii, hasNativeOrder, isObject, plainKeyOf, readerOf } from '../values.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';
import type { Predicate } from './compiled.js';
import { timeDiffers, timeOneOf } from './one-of.js';
import { numbersIn, numbersOf, timesIn } from './range.js';

/** `==` `!=` `<` `<=` `>` `>=` with one literal, whose type is the comparison's type. */
export function compare({ operator, subject, value }: Compare, moment: Moment): Compiled {
  const { field, lower } = subject;
  if (!canHold(field, value.type)) return never;
  if (value.type === 'time') {
    if (operator === '==') return timeOneOf(field, [value.value], moment);
    if (operator === '!=') return timeDiffers(field, value.value, moment);
    return timesIn(field, admittedBy(operator, value.value, field, moment), moment);
  }
  if (value.type === 'text' && lower) return foldedText(field, operator, value.value, moment);
  if (operator === '==') return equals(field, value, moment);
  if (operator === '!=') return differs(field, value, moment);
  if (value.type === 'number') return numbersIn(field, numbersOf(operator, value.value), moment);
  if (value.type === 'text') return orderedText(field, operator, value.value, moment);
  return never;
}

/** Equal by type and value: `===` on a JSON value and a scalar literal is exactly that. */
function equals(field: Field, { value: wanted }: ScalarLiteral, moment: Moment): Compiled {
  const key = plainKeyOf(field);
  if (key === null) {
    const value = readerOf(field, moment);
    return { test: (user) => value(user) === wanted, cost: cost.column };
  }
  const site = keySites[key.length % keySites.length] ?? keySites[0];
  return { test: site(key, wanted), cost: cost.read };
}

type KeySite = (key: string, wanted: ScalarLiteral['value']) => Predicate;

/**
 * The same test, written once for each of four classes of keys. The engine remembers for each place in the source which
 * property is read there, and forgets once a second one comes along; equality is the commonest condition, so that one
 * place would nearly always see several keys.
 *
 * Measured with the filter of `benchmarks/predicate.ts`, one place against four: 63 to 40 ns where one filter runs over
 * people of few shapes, the same where shapes are many, and about a tenth slower after 200 other filters ran.
 */
const keySites: readonly [KeySite, KeySite, KeySite, KeySite] = [
  (key, wanted) => (user) => {
    const bag: unknown = user.custom_fields;
    return isObject(bag) && bag[key] === wanted;
  },
  (key, wanted) => (user) => {
    const bag: unknown = user.custom_fields;
    return isObject(bag) && bag[key] === wanted;
  },
  (key, wanted) => (user) => {
    const bag: unknown = user.custom_fields;
    return isObject(bag) && bag[key] === wanted;
  },
  (key, wanted) => (user) => {
    const bag: unknown = user.custom_fields;
    return isObject(bag) && bag[key] === wanted;
  },
];

/** Of the literal's type and not equal to it: a missing value, or one of another type, is not different, it is unknown. */
function differs(field: Field, { type, value: wanted }: ScalarLiteral, moment: Moment): Compiled {
  const value = readerOf(field, moment);
  if (type === 'number') {
    // NaN is how a derived field says that its column holds no time; a number beyond the doubles is read as infinite.
    return {
      test: (user) => {
        const seen = value(user);
        return typeof seen === 'number' && seen !== wanted && Number.isFinite(seen);
      },
      cost: cost.column,
    };
  }
  const wantedType = type === 'text' ? 'string' : 'boolean';
  return {
    test: (user) => {
      const seen = value(user);
      return typeof seen === wantedType && seen !== wanted;
    },
    cost: cost.column,
  };
}

type Ordering = Exclude<CompareOperator, '==' | '!='>;

function orderedText(field: Field, operator: Ordering, wanted: string, moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const holds = textOrder(operator, wanted);
  return {
    test: (user) => {
      const seen = value(user);
      return typeof seen === 'string' && holds(seen);
    },
    cost: cost.column,
  };
}

/** A test of a text against `wanted` by code point, with the engine's own `<` wherever that gives the same order. */
export function textOrder(operator: Ordering, wanted: string): (seen: string) => boolean {
  const native = hasNativeOrder(wanted);
  const tests: { readonly [K in Ordering]: (seen: string) => boolean } = native
    ? {
        '<': (seen) => seen < wanted,
        '<=': (seen) => seen <= wanted,
        '>': (seen) => seen > wanted,
        '>=': (seen) => seen >= wanted,
      }
    : {
        '<': (seen) => compareText(seen, wanted) < 0,
        '<=': (seen) => compareText(seen, wanted) <= 0,
        '>': (seen) => compareText(seen, wanted) > 0,
        '>=': (seen) => compareText(seen, wanted) >= 0,
      };
  return tests[operator];
}

/** The field's text is folded, the literal is compared as written. */
function foldedText(field: Field, operator: CompareOperator, wanted: string, moment: Moment): Compiled {
  const value = readerOf(field, moment);
  const holds =
    operator === '=='
      ? // The fold keeps the length, so most texts need no folding to be told apart.
        (seen: string): boolean => seen.length === wanted.length && foldAscii(seen) === wanted
      : operator === '!='
        ? (seen: string): boolean => seen.length !== wanted.length || foldAscii(seen) !== wanted
        : foldedOrder(operator, wanted);
  return {
    test: (user) => {
      const seen = value(user);
      return typeof seen === 'string' && holds(seen);
    },
    cost: cost.fold,
  };
}

function foldedOrder(operator: Ordering, wanted: string): (seen: string) => boolean {
  const holds = textOrder(operator, wanted);
  return (seen) => holds(foldAscii(seen));
}
