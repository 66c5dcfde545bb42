import type { IndexHint } from './indexes.js';

/**
 * A piece of a WHERE clause that is true exactly where its filter is, and false or NULL elsewhere.
 * `joint` says what holds it together at the top, so that it is put in parentheses only where it must be.
 */
export interface Condition {
  readonly text: string;
  readonly joint: 'none' | 'and' | 'or';
  /** The indexes that together find every row of it, or null when some rows can only be found by reading all. */
  readonly indexes: readonly IndexHint[] | null;
}

export function atom(text: string, indexes: readonly IndexHint[] | null = null): Condition {
  return { text, joint: 'none', indexes };
}

/** Matches nobody: what a literal of another type than the column's comes down to. */
export const nobody: Condition = atom('false');

/** Joined by AND: one indexable operand is enough to find the rows. */
export function all(operands: readonly Condition[]): Condition {
  const [first] = operands;
  if (operands.length === 1 && first !== undefined) return first;
  const found = operands.flatMap((operand) => operand.indexes ?? []);
  return {
    text: operands
      .map((operand) => (operand.joint === 'or' ? `(${operand.text})` : operand.text))
      .join(' AND '),
    joint: 'and',
    indexes: found.length > 0 ? found : null,
  };
}

/** Joined by OR: an arm that has no index makes the others' useless. */
export function any(operands: readonly Condition[]): Condition {
  const [first] = operands;
  if (operands.length === 1 && first !== undefined) return first;
  return {
    text: operands
      .map((operand) => (operand.joint === 'and' ? `(${operand.text})` : operand.text))
      .join(' OR '),
    joint: 'or',
    indexes: operands.every((operand) => operand.indexes !== null)
      ? operands.flatMap((operand) => operand.indexes ?? [])
      : null,
  };
}

/** The exact complement, NULL included. Only leaves are negated, so that positive ones stay bare and indexable. */
export function complement(condition: Condition): Condition {
  return atom(`(${condition.text}) IS NOT TRUE`);
}

/** The text for a place where the condition is joined by AND or stands alone. */
export function textOf(condition: Condition): string {
  return condition.joint === 'or' ? `(${condition.text})` : condition.text;
}
