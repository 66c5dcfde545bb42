import type {
  CompareOperator,
  Filter,
  HasOperator,
  Literal,
  PresenceOperator,
  ScalarLiteral,
  TextOperator,
} from '../tree.js';
import { betweenChain, chainHint, isChain } from './between.js';
import { child, described, isList, isObject, offered, report, single, sketch } from './context.js';
import type { Context, Place } from './context.js';
import { fieldAt, holds, isFieldShaped, isLowered, subjectAt } from './field.js';
import type { NamedField } from './field.js';
import { literalAt, literalsAt } from './literal.js';
import { isOrdered, listOf } from './operands.js';
import type { OperandParser } from './operands.js';

/** What `a < b` is once its sides are swapped. */
const swapped: Readonly<Record<CompareOperator, CompareOperator>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

export function compare(operator: CompareOperator): OperandParser {
  const ordered = operator !== '==' && operator !== '!=';
  return (operands, place, context) => {
    if (operator === '<=' && isChain(operands)) return betweenChain(operands, place, context);
    const hint = ordered ? chainHint(operator, operands, context) : undefined;
    const pair = listOf(2, operands, place, context, hint);
    if (pair === null) return null;
    const [left, right] = pair;
    if (!isFieldShaped(left) && isFieldShaped(right)) {
      return refuseSwapped(swapped[operator], left, right, place, context);
    }
    if (right === null && !ordered && !isLowered(left)) {
      const field = fieldAt(left, child(place.at, 0), place, context)?.field;
      const asked = operator === '==' ? 'missing' : 'exists';
      return field === undefined ? null : { kind: 'presence', path: place.path, operator: asked, field };
    }
    const named = subjectAt(left, child(place.at, 0), place, context);
    const fits = !ordered || isOrdered(named, right, child(place.at, 1), place, context);
    const value = fits ? literalAt(right, child(place.at, 1), place, named, context) : null;
    if (named === null || value === null) return null;
    return { kind: 'compare', path: place.path, operator, subject: named.subject, value };
  };
}

function refuseSwapped(
  operator: string,
  left: unknown,
  right: unknown,
  place: Place,
  context: Context,
): null {
  const [field, value] = [sketch(right), sketch(left)];
  const clause = field === null || value === null ? null : `{"${operator}": [${field}, ${value}]}`;
  const hint = `swap the sides: write ${offered(clause, context) ?? place.example}`;
  report(
    context,
    'var_expected',
    child(place.at, 0),
    { operator: place.operator, got: described(left) },
    hint,
  );
  subjectAt(right, child(place.at, 1), place, context);
  return null;
}

/** `[var, [literals]]`, or JSON Logic's second form `["text", var]`, which reads as `contains`. */
export const oneOf: OperandParser = (operands, place, context) => {
  const pair = listOf(2, operands, place, context);
  if (pair === null) return null;
  const [left, right] = pair;
  if (isFieldShaped(right) && !isFieldShaped(left)) {
    if (typeof left === 'string') return textMatch('contains', right, 1, left, 0, place, context);
    return refuseSwapped('has', left, right, place, context);
  }
  const named = subjectAt(left, child(place.at, 0), place, context);
  const items = literalsAt(right, child(place.at, 1), place, named, context);
  if (named === null || items === null) return null;
  return { kind: 'in', path: place.path, subject: named.subject, items };
};

export function text(operator: TextOperator): OperandParser {
  return (operands, place, context) => {
    const pair = listOf(2, operands, place, context);
    if (pair === null) return null;
    const [left, right] = pair;
    if (!isFieldShaped(left) && isFieldShaped(right)) {
      return refuseSwapped(operator, left, right, place, context);
    }
    return textMatch(operator, left, 0, right, 1, place, context);
  };
}

/** What a field holds that has no text to look into, in words; null when it may hold text. */
function typeWithoutText(named: NamedField | null): string | null {
  if (named === null || named.type === 'any' || named.type === 'text') return null;
  return holds[named.type];
}

function textMatch(
  operator: TextOperator,
  field: unknown,
  fieldIndex: number,
  value: unknown,
  valueIndex: number,
  place: Place,
  context: Context,
): Filter | null {
  const path = child(place.at, valueIndex);
  const named = subjectAt(field, child(place.at, fieldIndex), place, context);
  const other = typeWithoutText(named);
  if (other !== null) {
    const advice = 'this operator looks inside text; compare with "==", "<" or "between"';
    const values = { operator, type: other, advice };
    report(context, 'operator_type', child(place.at, fieldIndex), values);
  }
  if (typeof value !== 'string' && value !== null) {
    const values = { operator, expected: 'a text', got: described(value) };
    return report(context, 'literal_expected', path, values, `write ${place.example}`);
  }
  const literal = literalAt(value, path, place, other === null ? named : null, context);
  if (named === null || literal?.type !== 'text') return null;
  return { kind: 'text', path: place.path, operator, subject: named.subject, text: literal.value };
}

export function has(operator: HasOperator): OperandParser {
  return (operands, place, context) => {
    const pair = listOf(2, operands, place, context);
    if (pair === null) return null;
    const [left, right] = pair;
    if (!isFieldShaped(left) && isFieldShaped(right)) {
      return refuseSwapped(operator, left, right, place, context);
    }
    const path = child(place.at, 1);
    const named = fieldAt(left, child(place.at, 0), place, context);
    const other = typeWithoutText(named);
    if (other !== null) {
      const advice = 'only lists and comma-separated texts have items; compare with "==" or "between"';
      const values = { operator, type: other, advice };
      report(context, 'operator_type', child(place.at, 0), values);
    }
    const owner = other === null ? named : null;
    const found = itemsAt(right, path, place, owner, context);
    if (found === null) return null;
    const items = found.filter((item): item is ScalarLiteral => item.type !== 'time');
    const time = found.findIndex((item) => item.type === 'time');
    if (time !== -1) {
      const advice =
        'the items of a list are compared as texts, numbers, true and false; write the item as it is stored';
      const where = operator === 'has' ? path : child(path, time);
      return report(context, 'operator_type', where, { operator, type: 'times', advice });
    }
    return named === null ? null : { kind: 'has', path: place.path, operator, field: named.field, items };
  };
}

/** The one item of `has`, or the list of the others. */
function itemsAt(
  value: unknown,
  path: string,
  place: Place,
  named: NamedField | null,
  context: Context,
): Literal[] | null {
  if (place.operator !== 'has') return literalsAt(value, path, place, named, context);
  const item = literalAt(value, path, place, named, context);
  return item === null ? null : [item];
}

export function presence(operator: PresenceOperator): OperandParser {
  return (operands, place, context) => {
    if (isList(operands) && operands.length !== 1) {
      listOf(1, operands, place, context);
      return null;
    }
    const operand = single(operands, place.at);
    const named = fieldAt(operand.value, operand.path, place, context);
    return named === null ? null : { kind: 'presence', path: place.path, operator, field: named.field };
  };
}

export const everyone: OperandParser = (operands, place, context) => {
  const nothing = isList(operands)
    ? operands.length === 0
    : isObject(operands) && Object.keys(operands).length === 0;
  if (operands === true || nothing) return { kind: 'everyone', path: place.path };
  listOf(-1, operands, place, context);
  return null;
};
