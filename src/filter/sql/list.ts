import { equalTimes } from '../admitted.js';
import type { CustomField } from '../fields.js';
import type { Time } from '../time.js';
import type { Literal, OneOf } from '../tree.js';
import type { Condition } from './condition.js';
import { all, any, atom, nobody } from './condition.js';
import { equals } from './compare.js';
import { daysIn } from './days.js';
import { columnIndex, containmentIndex, textIndex, valueIndex } from './indexes.js';
import { hashedMember, member, shortList } from './member.js';
import type { Scope } from './scope.js';
import { bagOf, documentOf, foldedText, isContainable, isText, jsonOf, textOfJson } from './scope.js';
import { inTimes, inWrittenTimes } from './times.js';

/** `in` with a list. Items of different types are different questions, joined by OR. */
export function oneOf(node: OneOf, scope: Scope, negated: boolean): Condition {
  const { field, lower } = node.subject;
  const { row } = scope;
  if (field.kind === 'derived') return daysIn(numbersOf(node.items), scope);
  if (field.kind === 'custom') return inCustom(field, lower, node.items, scope, negated);
  const column = `${row}.${field.name}`;
  if (field.type === 'time')
    return inTimes(
      column,
      equalTimes(timesOf(node.items), field, scope.moment),
      columnIndex(scope.entity, field.name),
      scope,
    );
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
  const times = timesOf(items);
  if (times.length > 0) arms.push(inWrittenTimes(field, equalTimes(times, field, scope.moment), scope));
  return any(arms);
}

function timesOf(items: readonly Literal[]): Time[] {
  return items.flatMap((item) => (item.type === 'time' ? [item.value] : []));
}

function textsOf(items: readonly Literal[]): string[] {
  return [...new Set(items.flatMap((item) => (item.type === 'text' ? [item.value] : [])))];
}

function numbersOf(items: readonly Literal[]): number[] {
  return items.flatMap((item) => (item.type === 'number' ? [item.value] : []));
}
