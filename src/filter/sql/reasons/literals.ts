import { admittedBetween, admittedBy, equalTimes } from '../../admitted.js';
import type { StoredField } from '../../fields.js';
import { foldAscii } from '../../values.js';
import type { Time } from '../../time.js';
import type { CompareOperator, Literal } from '../../tree.js';
import type { Parameters } from '../parameters.js';
import { hashedMember, shortList } from '../member.js';
import { instantText, noneOf, within } from '../range.js';
import type { Scope } from '../scope.js';
import { codeOf, firstOf, holdsOr } from './case.js';

/** What is asked of a value, whichever kind of leaf asks it. */
export type Demand =
  | { readonly operator: CompareOperator; readonly value: Literal }
  | { readonly low: Literal; readonly high: Literal }
  | { readonly items: readonly Literal[] };

export type LiteralType = Literal['type'];

/** The types that a value may have to be compared at all, in the order of the items. */
export function typesOf(demand: Demand): ReadonlySet<LiteralType> {
  if ('items' in demand) return new Set(demand.items.map(({ type }) => type));
  if ('operator' in demand) return new Set([demand.value.type]);
  return demand.low.type === demand.high.type ? new Set([demand.low.type]) : new Set();
}

/** `expression` is one of these, each as the type's own text. */
export function isOneOf(
  expression: string,
  type: string,
  items: readonly unknown[],
  parameters: Parameters,
): string {
  const distinct = [...new Set(items)];
  // A few comparisons cost less than a walk through an array.
  if (distinct.length <= 4) {
    const each = distinct.map((item) => `${expression} = ${parameters.bind(item)}::${type}`);
    return `(${each.join(' OR ')})`;
  }
  if (distinct.length > shortList) return hashedMember(expression, type, distinct, parameters);
  return `${expression} = ANY(${parameters.bind(distinct)}::${type}[])`;
}

/** Told of a text that is there. */
export function toldOfText(text: string, demand: Demand, lower: boolean, parameters: Parameters): string {
  const folded = `lower(${text} COLLATE "C")`;
  const seen = lower ? folded : text;
  const value = (literal: string): string => `${parameters.bind(literal)}::text`;
  if ('items' in demand) {
    const items = textsOf(demand.items);
    return firstOf(
      [
        [isOneOf(seen, 'text', items, parameters), codeOf('matched')],
        [isOneOf(folded, 'text', items.map(foldAscii), parameters), codeOf('case_mismatch')],
      ],
      codeOf('different'),
    );
  }
  if ('low' in demand) {
    const bounds = textsOf([demand.low, demand.high]).map(value);
    return holdsOr(`${seen} COLLATE "C" BETWEEN ${bounds.join(' AND ')}`, 'different');
  }
  const [literal = ''] = textsOf([demand.value]);
  const { operator } = demand;
  if (operator === '!=') return holdsOr(`${seen} <> ${value(literal)}`, 'different');
  if (operator !== '==') return holdsOr(`${seen} ${operator} ${value(literal)} COLLATE "C"`, 'different');
  return firstOf(
    [
      [`${seen} = ${value(literal)}`, codeOf('matched')],
      // The fold keeps the length, which costs less to look at.
      [
        `octet_length(${text}) = ${new TextEncoder().encode(literal).length} AND ${folded} = ${value(foldAscii(literal))}`,
        codeOf('case_mismatch'),
      ],
    ],
    codeOf('different'),
  );
}

/** Told of a time that is there, of this field. */
export function toldOfTime(
  time: string,
  field: StoredField,
  demand: Demand,
  { moment, parameters }: Scope,
): string {
  const matched = codeOf('matched');
  const isEqual = (times: readonly Time[]): string => {
    const items = equalTimes(times, field, moment);
    const [first] = items;
    if (first === undefined) return 'false';
    if (items.length === 1)
      return within(time, { from: first, to: first + 1, also: [], without: [] }, parameters);
    const cut = `date_trunc('milliseconds', ${time})`;
    return isOneOf(cut, 'timestamptz', items.map(instantText), parameters);
  };
  if ('items' in demand) return holdsOr(isEqual(timesIn(demand.items)), 'outside_window');
  if ('low' in demand) {
    const [low, high] = timesIn([demand.low, demand.high]);
    if (low === undefined || high === undefined) return codeOf('type_mismatch');
    return holdsOr(within(time, admittedBetween(low, high, field, moment), parameters), 'outside_window');
  }
  const [at] = timesIn([demand.value]);
  if (at === undefined) return codeOf('type_mismatch');
  if (demand.operator === '==') return holdsOr(isEqual([at]), 'outside_window');
  if (demand.operator === '!=') {
    const others = noneOf(time, equalTimes([at], field, moment), parameters);
    return firstOf([[others, matched]], codeOf('different'));
  }
  return holdsOr(within(time, admittedBy(demand.operator, at, field, moment), parameters), 'outside_window');
}

/** What a number has to be, as a condition on an expression of type numeric. */
export function numberHolds(number: string, demand: Demand, parameters: Parameters): string {
  const value = (literal: number): string => `${parameters.bind(JSON.stringify(literal))}::numeric`;
  if ('items' in demand) {
    const items = numbersOf(demand.items).map((item) => JSON.stringify(item));
    return isOneOf(number, 'numeric', items, parameters);
  }
  if ('low' in demand)
    return `${number} BETWEEN ${numbersOf([demand.low, demand.high]).map(value).join(' AND ')}`;
  const operator = symbols[demand.operator];
  return `${number} ${operator} ${numbersOf([demand.value]).map(value).join('')}`;
}

/** Told of a boolean that is there; the language orders none. */
export function toldOfBoolean(boolean: string, demand: Demand, parameters: Parameters): string {
  if ('low' in demand) return codeOf('type_mismatch');
  const literals = 'items' in demand ? demand.items : [demand.value];
  const wanted = literals.flatMap(({ type, value }) => (type === 'boolean' ? [value] : []));
  if ('items' in demand) return holdsOr(isOneOf(boolean, 'boolean', wanted, parameters), 'different');
  if (demand.operator !== '==' && demand.operator !== '!=') return codeOf('type_mismatch');
  const operator = symbols[demand.operator];
  return holdsOr(`${boolean} ${operator} ${parameters.bind(wanted[0])}::boolean`, 'different');
}

const symbols = { '==': '=', '!=': '<>', '<': '<', '<=': '<=', '>': '>', '>=': '>=' } as const;

function timesIn(literals: readonly Literal[]): Time[] {
  return literals.flatMap(({ type, value }) => (type === 'time' ? [value] : []));
}

function textsOf(literals: readonly Literal[]): string[] {
  return literals.flatMap((literal) => (literal.type === 'text' ? [literal.value] : []));
}

function numbersOf(literals: readonly Literal[]): number[] {
  return literals.flatMap((literal) => (literal.type === 'number' ? [literal.value] : []));
}
