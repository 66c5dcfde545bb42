import { admittedBetween } from '../admitted.js';
import type { Between } from '../tree.js';
import type { Condition } from './condition.js';
import { all, atom, nobody } from './condition.js';
import { daysBetween } from './days.js';
import { columnIndex, textIndex, valueIndex } from './indexes.js';
import { within, withinWritten } from './range.js';
import type { Scope } from './scope.js';
import { foldedText, isText, jsonOf, textOfJson } from './scope.js';

/** `between`, both ends included. Missing, null and another type: never true. */
export function between(node: Between, scope: Scope): Condition {
  const { field, lower } = node.subject;
  const { low, high } = node;
  const { row, parameters } = scope;
  if (field.kind === 'derived') {
    return low.type === 'number' && high.type === 'number'
      ? daysBetween(low.value, high.value, scope)
      : nobody;
  }
  if (field.kind === 'column' && low.type !== field.type) return nobody;
  if (low.type === 'time' && high.type === 'time') {
    const admitted = admittedBetween(low.value, high.value, field, scope.moment);
    if (field.kind === 'custom') return withinWritten(field, admitted, scope);
    const text = within(`${row}.${field.name}`, admitted, parameters);
    return { text, joint: 'and', indexes: columnIndex(scope.entity, field.name) };
  }
  if (low.type === 'text' && high.type === 'text') {
    const text = foldedText(field.kind === 'column' ? `${row}.${field.name}` : textOfJson(row, field), lower);
    const from = `${text} >= ${parameters.bind(low.value)}::text COLLATE "C"`;
    const to = `${text} <= ${parameters.bind(high.value)}::text COLLATE "C"`;
    if (field.kind === 'custom') {
      return all([
        atom(isText(row, field)),
        { text: `${from} AND ${to}`, joint: 'and', indexes: textIndex(field, lower) },
      ]);
    }
    const key = lower ? `lower(${field.name})` : field.name;
    return { text: `${from} AND ${to}`, joint: 'and', indexes: columnIndex(scope.entity, key) };
  }
  if (low.type === 'number' && high.type === 'number' && field.kind === 'custom') {
    // Two numbers confine jsonb's order to numbers by themselves.
    const at = jsonOf(row, field);
    const from = `${at} >= ${parameters.json(JSON.stringify(low.value))}`;
    const to = `${at} <= ${parameters.json(JSON.stringify(high.value))}`;
    return { text: `${from} AND ${to}`, joint: 'and', indexes: valueIndex(field) };
  }
  return nobody;
}
