import type { Filter, Literal } from '../tree.js';
import { child, described, isList, offered, report, sketch } from './context.js';
import type { Context, Place } from './context.js';
import { isFieldShaped, subjectAt } from './field.js';
import type { NamedField } from './field.js';
import { literalAt } from './literal.js';
import { isOrdered, listOf } from './operands.js';
import type { OperandParser } from './operands.js';

/** `[var, low, high]`, both ends included. */
export const between: OperandParser = (operands, place, context) => {
  const list = listOf(3, operands, place, context);
  if (list === null) return null;
  const [first, second] = list;
  if (isFieldShaped(first) || !isFieldShaped(second)) return betweenAt(list, [0, 1, 2], place, context);
  const values = { operator: 'between', got: described(first) };
  const hint = `write ${chainAsBetween(list, context) ?? place.example}`;
  report(context, 'var_expected', child(place.at, 0), values, hint);
  subjectAt(second, child(place.at, 1), place, context);
  return null;
};

/** `low <= field <= high`, as JSON Logic and react-querybuilder write it. */
export function isChain(operands: unknown): operands is readonly unknown[] {
  if (!isList(operands) || operands.length !== 3) return false;
  const [low, field, high] = operands;
  return isFieldShaped(field) && !isFieldShaped(low) && !isFieldShaped(high);
}

/** `{"<=": [low, field, high]}`, which has the same meaning as `between`. */
export function betweenChain(operands: readonly unknown[], place: Place, context: Context): Filter | null {
  return betweenAt(operands, [1, 0, 2], place, context);
}

/** What to write in the place of three operands of `<` and its kin; only `<=` is read as a chain. */
export function chainHint(operator: string, operands: unknown, context: Context): string | undefined {
  if (!isChain(operands)) {
    const ofFields = isList(operands) && operands.length === 3 && isFieldShaped(operands[1]);
    return ofFields
      ? 'the ends are values, not fields: write {"between": [{"var": "custom:seats"}, 5, 10]}'
      : undefined;
  }
  const [first, field, last] = operands.map((each) => sketch(each));
  if (operator === '>=') {
    const turned = chainAsBetween(operands.toReversed(), context);
    return turned === null ? undefined : `write ${turned}, both ends included`;
  }
  const [above, below] = operator === '<' ? [first, last] : [last, first];
  if (field === null || above === null || below === null) return undefined;
  const clause = `{"and": [{">": [${field}, ${above}]}, {"<": [${field}, ${below}]}]}`;
  return offered(clause, context) === null ? undefined : `write ${clause}`;
}

function chainAsBetween(operands: readonly unknown[], context: Context): string | null {
  const [low, field, high] = operands.map((each) => sketch(each));
  return offered(`{"between": [${field}, ${low}, ${high}]}`, context);
}

type Positions = readonly [field: number, low: number, high: number];

function betweenAt(
  list: readonly unknown[],
  [fieldAt, lowAt, highAt]: Positions,
  place: Place,
  context: Context,
): Filter | null {
  const named = subjectAt(list[fieldAt], child(place.at, fieldAt), place, context);
  const end = (index: number, owner: NamedField | null): Literal | null => {
    const path = child(place.at, index);
    if (!isOrdered(owner, list[index], path, place, context)) return null;
    return literalAt(list[index], path, place, owner, context);
  };
  const low = end(lowAt, named);
  // A boolean column is one fault, however many ends are written.
  const high = named?.type === 'boolean' ? null : end(highAt, named);
  if (named === null || low === null || high === null) return null;
  if (low.type !== high.type) {
    return report(context, 'mixed_bounds', place.at, { low: kindOf(low), high: kindOf(high) });
  }
  return { kind: 'between', path: place.path, subject: named.subject, low, high };
}

function kindOf(literal: Literal): string {
  return { text: 'a text', number: 'a number', boolean: 'a boolean', time: 'a time' }[literal.type];
}
