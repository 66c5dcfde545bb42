import type { Filter } from '../tree.js';
import { child, described, isList, offered, report, sketch } from './context.js';
import type { Context, Place } from './context.js';
import type { NamedField } from './field.js';

/** Parses the operands of one operator; null when they were refused, with the reasons reported. */
export type OperandParser = (operands: unknown, place: Place, context: Context) => Filter | null;

/** The operands, when they are a list of so many; reports otherwise. */
export function listOf(
  count: number,
  operands: unknown,
  place: Place,
  context: Context,
  hint?: string,
): readonly unknown[] | null {
  if (isList(operands) && operands.length === count) return operands;
  const values = {
    operator: place.operator,
    expected: place.expected,
    got: described(operands),
    example: place.example,
  };
  return report(context, 'wrong_arity', place.at, values, hint);
}

/** Booleans have no order. */
export function isOrdered(
  named: NamedField | null,
  value: unknown,
  path: string,
  place: Place,
  context: Context,
): boolean {
  const column = named?.type === 'boolean';
  if (!column && typeof value !== 'boolean') return true;
  const field = sketch({ var: named?.name ?? 'custom:active' }) ?? '{"var": "custom:active"}';
  const clause = offered(`{"==": [${field}, ${value === false ? 'false' : 'true'}]}`, context);
  const advice = `write ${clause ?? '{"==": [{"var": "on_contract"}, true]}'}`;
  const values = { operator: place.operator, type: 'true and false', advice };
  report(context, 'operator_type', column ? child(place.at, 0) : path, values);
  return false;
}
