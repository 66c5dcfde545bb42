import { admittedBy, equalTimes } from '../admitted.js';
import type { ColumnField, CustomField } from '../fields.js';
import type { Compare, CompareOperator, Literal } from '../tree.js';
import type { Condition } from './condition.js';
import { all, atom, nobody } from './condition.js';
import { daysCompare } from './days.js';
import { columnIndex, containmentIndex, textIndex, valueIndex } from './indexes.js';
import { noneOf, within, withinWritten, writtenTime } from './range.js';
import type { Scope } from './scope.js';
import { inTimes, inWrittenTimes } from './times.js';
import { bagOf, documentOf, foldedText, isContainable, isText, jsonOf, textOfJson } from './scope.js';

/** `==` `!=` `<` `<=` `>` `>=`. Missing, null and another type: never true. */
export function compare(node: Compare, scope: Scope): Condition {
  const { field, lower } = node.subject;
  if (field.kind === 'derived') {
    return node.value.type === 'number' ? daysCompare(node.operator, node.value.value, scope) : nobody;
  }
  return field.kind === 'column'
    ? compareColumn(field, lower, node.operator, node.value, scope)
    : compareCustom(field, lower, node.operator, node.value, scope);
}

function compareColumn(
  field: ColumnField,
  lower: boolean,
  operator: CompareOperator,
  literal: Literal,
  scope: Scope,
): Condition {
  if (literal.type !== field.type) return nobody;
  const column = `${scope.row}.${field.name}`;
  if (literal.type === 'time') {
    const { value: time } = literal;
    const index = columnIndex(scope.entity, field.name);
    if (operator === '==') return inTimes(column, equalTimes([time], field, scope.moment), index, scope);
    if (operator === '!=')
      return atom(noneOf(column, equalTimes([time], field, scope.moment), scope.parameters));
    const admitted = admittedBy(operator, time, field, scope.moment);
    return { text: within(column, admitted, scope.parameters), joint: 'and', indexes: index };
  }
  if (literal.type === 'boolean') {
    return atom(`${column} ${symbols[operator]} ${scope.parameters.bind(literal.value)}::boolean`);
  }
  const text = lower ? `lower(${column} COLLATE "C")` : column;
  const index = lower
    ? columnIndex(scope.entity, `lower(${field.name})`)
    : columnIndex(scope.entity, field.name);
  const value = scope.parameters.bind(literal.value);
  if (operator === '==') return atom(`${text} = ${value}::text`, index);
  if (operator === '!=') return atom(`${text} <> ${value}::text`);
  return atom(`${text} ${operator} ${value}::text COLLATE "C"`);
}

function compareCustom(
  field: CustomField,
  lower: boolean,
  operator: CompareOperator,
  literal: Literal,
  scope: Scope,
): Condition {
  const { row, parameters } = scope;
  if (literal.type === 'time') {
    const { value: time } = literal;
    if (operator === '==') return inWrittenTimes(field, equalTimes([time], field, scope.moment), scope);
    return operator === '!='
      ? atom(noneOf(writtenTime(row, field), equalTimes([time], field, scope.moment), parameters))
      : withinWritten(field, admittedBy(operator, time, field, scope.moment), scope);
  }
  if (literal.type === 'number') return compareNumber(field, operator, literal.value, scope);
  if (literal.type === 'boolean') {
    // The other boolean is the only other value of the type.
    return equals(field, JSON.stringify(operator === '!=' ? !literal.value : literal.value), scope);
  }
  if (operator === '==' && !lower) return equals(field, JSON.stringify(literal.value), scope);
  const guard = atom(isText(row, field));
  const value = `${parameters.bind(literal.value)}::text`;
  const text = foldedText(textOfJson(row, field), lower);
  if (operator === '==') return all([atom(`${text} = ${value}`, textIndex(field, true)), guard]);
  if (operator === '!=') return all([guard, atom(`${text} <> ${value}`)]);
  return all([guard, atom(`${text} ${operator} ${value} COLLATE "C"`)]);
}

/** Equality by containment, which the GIN index on custom_fields serves: key and value are one parameter. */
export function equals(field: CustomField, json: string, scope: Scope): Condition {
  const { row, parameters } = scope;
  if (!isContainable(field))
    return atom(`${jsonOf(row, field)} = ${parameters.json(json)}`, valueIndex(field));
  return atom(
    `${row}.${bagOf(field)} @> ${parameters.json(documentOf(field, json))}`,
    containmentIndex(scope.entity),
  );
}

const symbols = { '==': '=', '!=': '<>', '<': '<', '<=': '<=', '>': '>', '>=': '>=' } as const;

/**
 * The greatest finite double as jsonb. jsonb orders values of different types too: texts below every number, booleans,
 * arrays and objects above. A bound at each end keeps a comparison among the numbers that JavaScript can hold, and no cast can raise.
 */
const greatest = "'1.7976931348623158e308'";
const least = "'-1.7976931348623158e308'";

function compareNumber(
  field: CustomField,
  operator: CompareOperator,
  value: number,
  scope: Scope,
): Condition {
  const json = JSON.stringify(value);
  if (operator === '==') return equals(field, json, scope);
  const at = jsonOf(scope.row, field);
  const bound = scope.parameters.json(json);
  if (operator === '!=') {
    return {
      text: `${at} <> ${bound} AND ${at} >= ${least} AND ${at} <= ${greatest}`,
      joint: 'and',
      indexes: null,
    };
  }
  const text =
    operator === '<' || operator === '<='
      ? `${at} >= ${least} AND ${at} ${operator} ${bound}`
      : `${at} ${operator} ${bound} AND ${at} <= ${greatest}`;
  return { text, joint: 'and', indexes: valueIndex(field) };
}
