import type { Field } from '../fields.js';
import { canHold } from '../predicate/compiled.js';
import { dayLength } from '../day.js';
import { numbersOf } from '../predicate/range.js';
import { boundOf } from '../time.js';
import type { Moment } from '../time.js';
import { read } from '../tree.js';
import type { Between, Compare, CompareOperator, Filter, Has, Literal, Reader, Subject } from '../tree.js';
import type { AccessKey } from './access.js';

/** What one look at a field's value decides, for all filters at once. */
export interface Condition {
  readonly field: Field;
  readonly test: Test;
  /** Whoever it is true of does not match; otherwise whoever it is false of. */
  readonly refused: boolean;
}

export type Test =
  /** One of these values is there; nobody has two of them, unless it is refused. */
  | { readonly kind: 'keys'; readonly keys: readonly AccessKey[] }
  /** There is a value, or one of that type: a number is a finite one. */
  | { readonly kind: 'present' | 'text' | 'number' | 'boolean' }
  | Bound;

/** The value is a number or a time on the bound, or beyond it on that side. */
export interface Bound {
  readonly kind: 'bound';
  readonly of: 'numbers' | 'times';
  readonly side: 'from' | 'upto';
  /** One text for each bound of a field, whatever the moment. */
  readonly name: string;
  readonly at: (moment: Moment) => Place;
}

/** Where a bound lies: the first or last value that it admits. Days among times have a place of their own. */
export interface Place {
  readonly value: number;
  readonly day: number;
}

/** A filter as conditions of which every one is needed. */
export interface Conjunction {
  readonly conditions: readonly Condition[];
  /** Whether they say all that the filter says: otherwise who meets them may match. */
  readonly whole: boolean;
}

/** The conditions that everybody meets who matches; null where nobody matches. */
export function conjunctionOf(filter: Filter): Conjunction | null {
  return read(reader, filter, false);
}

const anybody: Conjunction = { conditions: [], whole: true };
const unknown: Conjunction = { conditions: [], whole: false };

const reader: Reader<boolean, Conjunction | null> = {
  and: ({ operands }, negated) => (negated ? anyOf : allOf)(operands, negated),
  or: ({ operands }, negated) => (negated ? allOf : anyOf)(operands, negated),
  not: ({ operand }, negated) => read(reader, operand, !negated),
  segment: ({ filter }, negated) => read(reader, filter, negated),
  everyone: (_, negated) => turned(anybody, negated),
  compare: (node, negated) => turned(compared(node), negated),
  in: ({ subject, items }, negated) => turned(oneOf(subject, items), negated),
  between: (node, negated) => turned(between(node), negated),
  has: (node, negated) => has(node, negated),
  presence: ({ operator, field }, negated) =>
    turned(met(field, [{ kind: 'present' }]), negated !== (operator === 'missing')),
  text: () => unknown,
  percent: () => unknown,
  did: () => unknown,
};

function allOf(operands: readonly Filter[], negated: boolean): Conjunction | null {
  const parts = operands.map((operand) => read(reader, operand, negated));
  const possible = parts.filter((part) => part !== null);
  if (possible.length < parts.length) return null;
  return {
    conditions: possible.flatMap(({ conditions }) => conditions),
    whole: possible.every(({ whole }) => whole),
  };
}

/** Alternatives share no condition, unless there is one of them only. */
function anyOf(operands: readonly Filter[], negated: boolean): Conjunction | null {
  const possible = operands.flatMap((operand) => read(reader, operand, negated) ?? []);
  const [first] = possible;
  if (first === undefined) return null;
  if (possible.some(({ conditions, whole }) => whole && conditions.length === 0)) return anybody;
  return possible.length === 1 ? first : unknown;
}

function met(field: Field, tests: readonly Test[]): Conjunction {
  return { conditions: tests.map((test) => ({ field, test, refused: false })), whole: true };
}

/** The complement of one condition is one; of several it is an alternative. */
function turned(part: Conjunction | null, negated: boolean): Conjunction | null {
  if (!negated) return part;
  if (part === null) return anybody;
  const [only, second] = part.conditions;
  if (!part.whole || second !== undefined) return unknown;
  if (only === undefined) return null;
  return { conditions: [{ ...only, refused: !only.refused }], whole: true };
}

function compared({ operator, subject, value }: Compare): Conjunction | null {
  const { field } = subject;
  if (!canHold(field, value.type)) return null;
  if (operator === '==') return oneOf(subject, [value]);
  if (value.type === 'boolean' && operator !== '!=') return null;
  if (value.type === 'time') return operator === '!=' ? unknown : met(field, boundsOf(operator, value));
  if (operator === '!=') {
    // Missing and of another type is not different.
    const keys = keysOf(subject, [value]);
    return {
      conditions: [
        { field, test: { kind: value.type }, refused: false },
        { field, test: { kind: 'keys', keys }, refused: true },
      ],
      whole: true,
    };
  }
  return value.type === 'number' ? met(field, boundsOf(operator, value)) : unknown;
}

function oneOf(subject: Subject, items: readonly Literal[]): Conjunction | null {
  const possible = items.filter(({ type }) => canHold(subject.field, type));
  if (possible.length === 0) return null;
  // A time is written in many ways.
  if (possible.some(({ type }) => type === 'time')) return unknown;
  return met(subject.field, [{ kind: 'keys', keys: keysOf(subject, possible) }]);
}

function keysOf({ field, lower }: Subject, literals: readonly Literal[]): AccessKey[] {
  const keys = new Map<unknown, AccessKey>();
  for (const { type, value } of literals)
    if (type !== 'time')
      keys.set(value, { kind: lower && type === 'text' ? 'folded' : 'value', field, value });
  return [...keys.values()];
}

function between({ subject, low, high }: Between): Conjunction | null {
  const { field } = subject;
  if (low.type !== high.type || !canHold(field, low.type) || low.type === 'boolean') return null;
  return low.type === 'text' ? unknown : met(field, [...boundsOf('>=', low), ...boundsOf('<=', high)]);
}

function has({ operator, field, items }: Has, negated: boolean): Conjunction | null {
  if (items.length === 0 || !canHold(field, 'text')) return negated ? anybody : null;
  const keys = [...new Set(items.map(({ value }) => value))].map((value): AccessKey => ({
    kind: 'item',
    field,
    value,
  }));
  if (operator === 'has_all')
    return turned(
      met(
        field,
        keys.map((key) => ({ kind: 'keys', keys: [key] })),
      ),
      negated,
    );
  // Somebody may have several of them.
  return keys.length > 1 && !negated ? unknown : turned(met(field, [{ kind: 'keys', keys }]), negated);
}

type Ordering = Exclude<CompareOperator, '==' | '!='>;

function boundsOf(operator: Ordering, literal: Literal): Bound[] {
  const side = operator.startsWith('<') ? 'upto' : 'from';
  const end = side === 'upto' ? 'high' : 'low';
  const name = JSON.stringify([operator, literal.value]);
  if (literal.type === 'number') {
    const value = numbersOf(operator, literal.value)[end];
    return [{ kind: 'bound', of: 'numbers', side, name, at: () => ({ value, day: value }) }];
  }
  if (literal.type !== 'time') return [];
  const { value: time } = literal;
  const at = (moment: Moment): Place => {
    const { instant, day, dayAfter } = boundOf(time, moment);
    if (operator === '>=') return { value: instant, day };
    if (operator === '>') return { value: instant + 1, day: dayAfter };
    return operator === '<'
      ? { value: instant - 1, day: day - dayLength }
      : { value: instant, day: dayAfter - dayLength };
  };
  return [{ kind: 'bound', of: 'times', side, name, at }];
}
