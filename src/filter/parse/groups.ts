import type { Filter } from '../tree.js';
import { child, described, isList, report, single } from './context.js';
import { listOf } from './operands.js';
import type { OperandParser } from './operands.js';

/** `and` and `or`: a list of at least one filter. An empty one would match everybody or nobody, so it is refused. */
export function group(kind: 'and' | 'or'): OperandParser {
  return (operands, place, context) => {
    if (!isList(operands)) {
      const values = {
        operator: kind,
        expected: place.expected,
        got: described(operands),
        example: place.example,
      };
      return report(context, 'wrong_arity', place.at, values);
    }
    if (operands.length === 0) return report(context, 'empty_list', place.at, { operator: kind });
    const found: Filter[] = [];
    for (let index = 0; index < operands.length; index += 1) {
      const operand = context.parseNode(operands[index], child(place.at, index), place.depth + 1, context);
      if (operand !== null) found.push(operand);
    }
    return found.length === operands.length ? { kind, path: place.path, operands: found } : null;
  };
}

/** `!`: one filter, alone or in a list. */
export const not: OperandParser = (operands, place, context) => {
  if (isList(operands) && operands.length !== 1) {
    listOf(1, operands, place, context);
    return null;
  }
  const written = single(operands, place.at);
  const operand = context.parseNode(written.value, written.path, place.depth + 1, context);
  return operand === null ? null : { kind: 'not', path: place.path, operand };
};
