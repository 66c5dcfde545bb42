import type { CustomField } from '../fields.js';
import { instantOf } from '../time.js';
import type { Literal, OneOf } from '../tree.js';
import type { Condition } from './condition.js';
import { all, any, atom, nobody } from './condition.js';
import { equals } from './compare.js';
import { daysIn } from './days.js';
import { columnIndex, containmentIndex, textIndex, valueIndex } from './indexes.js';
import { hashedMember, member, shortList } from './member.js';
import { bindInstant, instantText, withinWritten, writtenTime } from './range.js';
import type { Scope } from './scope.js';
import { bagOf, documentOf, foldedText, isContainable, isText, jsonOf, textOfJson } from './scope.js';

/** `in` with a list. Items of different types are different questions, joined by OR. */
export function oneOf(node: OneOf, scope: Scope, negated: boolean): Condition {
  const { field, lower } = node.subject;
  const { row } = scope;
  if (field.kind === 'derived') return daysIn(numbersOf(node.items), scope);
  if (field.kind === 'custom') return inCustom(field, lower, node.items, scope, negated);
  const column = `${row}.${field.name}`;
  if (field.type === 'time')
    return inTimes(column, instantsOf(node.items, scope), columnIndex(scope.entity, field.name), scope);
  if (field.type === 'boolean') {
    const values = node.items.flatMap((item) => (item.type === 'boolean' ? [item.value] : []));
    return values.length === 0 ? nobody : atom(member(column, 'boolean', [...new Set(values)], scope));
  }
  const texts = textsOf(node.items);
  if (texts.length === 0) return nobody;
  const index = lower
    ? columnIndex(scope.entity, `lower(${field.name})`)
    : columnIndex(scope.entity, field.name);
  return atom(member(foldedText(column, lower), 'text', texts, scope), index);
}

function inCustom(
  field: CustomField,
  lower: boolean,
  items: readonly Literal[],
  scope: Scope,
  negated: boolean,
): Condition {
  const { parameters, row } = scope;
  const arms: Condition[] = [];
  if (lower) {
    const texts = textsOf(items);
    if (texts.length === 0) return nobody;
    const text = foldedText(textOfJson(row, field), true);
    return all([atom(member(text, 'text', texts, scope), textIndex(field, true)), atom(isText(row, field))]);
  }
  const values = [
    ...new Set(items.flatMap((item) => (item.type === 'time' ? [] : [JSON.stringify(item.value)]))),
  ];
  const [only] = values;
  if (values.length === 1 && only !== undefined) {
    arms.push(equals(field, only, scope));
  } else if (negated && values.length > 0) {
    // No index serves a complement, so what counts is the time a row takes.
    arms.push(atom(hashedMember(jsonOf(row, field), 'jsonb', values, parameters)));
  } else if (values.length > 0 && values.length <= shortList && isContainable(field)) {
    const rows: Condition[] = [];
    // Containment finds the rows in the index, but walks the list for each row that is not found there.
    if (values.length > 8) rows.push(atom(hashedMember(jsonOf(row, field), 'jsonb', values, parameters)));
    const documents = parameters.bind(values.map((json) => documentOf(field, json)));
    rows.push(atom(`${row}.${bagOf(field)} @> ANY(${documents}::jsonb[])`, containmentIndex(scope.entity)));
    arms.push(all(rows));
  } else if (values.length > 0) {
    arms.push(atom(member(jsonOf(row, field), 'jsonb', values, scope), valueIndex(field)));
  }
  const instants = instantsOf(items, scope);
  const [first] = instants;
  const last = instants.at(-1);
  if (first !== undefined && last !== undefined) {
    const span = withinWritten(field, { from: first, to: last + 1 }, scope);
    // muster_time cuts to milliseconds itself, so an instant equals its text exactly.
    const list = (): Condition =>
      atom(member(writtenTime(row, field), 'timestamptz', instants.map(instantText), scope));
    arms.push(first === last ? span : all([span, list()]));
  }
  return any(arms);
}

/** A time column holds microseconds: a range around the whole list finds the rows, the cut-off value decides. */
function inTimes(
  column: string,
  instants: readonly number[],
  index: Condition['indexes'],
  scope: Scope,
): Condition {
  const [low] = instants;
  const high = instants.at(-1);
  if (low === undefined || high === undefined) return nobody;
  const from = bindInstant(low, scope.parameters);
  const to = bindInstant(high + 1, scope.parameters);
  const text = `${column} >= ${from} AND ${column} < ${to}`;
  if (low === high) return { text, joint: 'and', indexes: index };
  const cut = `date_trunc('milliseconds', ${column})`;
  return {
    text: `${text} AND ${member(cut, 'timestamptz', instants.map(instantText), scope)}`,
    joint: 'and',
    indexes: index,
  };
}

/** Distinct, in order. */
function instantsOf(items: readonly Literal[], scope: Scope): number[] {
  const found = items.flatMap((item) => (item.type === 'time' ? [instantOf(item.value, scope.moment)] : []));
  return [...new Set(found)].toSorted((a, b) => a - b);
}

function textsOf(items: readonly Literal[]): string[] {
  return [...new Set(items.flatMap((item) => (item.type === 'text' ? [item.value] : [])))];
}

function numbersOf(items: readonly Literal[]): number[] {
  return items.flatMap((item) => (item.type === 'number' ? [item.value] : []));
}
