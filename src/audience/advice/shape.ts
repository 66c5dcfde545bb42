import { pastedParts } from '../../filter/lint/clauses.js';
import type { HasOperator, Leaf, ScalarLiteral } from '../../filter/tree.js';
import { visible } from '../../filter/visible.js';

/** That values have another shape than a clause can match, and the clause that matches it where there is one. */
export interface Shape {
  readonly text: string;
  readonly clause: Leaf | null;
}

/**
 * What can be said of a clause by some of the values that people have: of those alone, so null proves nothing. Without values only what
 * the clause itself looks like.
 */
export function shapeOf(leaf: Leaf, values: readonly unknown[] | null): Shape | null {
  if (values === null) return pasted(leaf, null);
  return listAsked(leaf, values) ?? otherSeparator(leaf, values) ?? pasted(leaf, values);
}

/** A list is asked for its items by `has` and its kin alone. */
function listAsked(leaf: Leaf, values: readonly unknown[]): Shape | null {
  if (!('subject' in leaf) || !values.some((value) => Array.isArray(value))) return null;
  const items = itemsAsked(leaf);
  if (items.length === 0 || leaf.subject.lower) return null;
  const operator: HasOperator = items.length > 1 ? 'has_any' : 'has';
  const { path, subject } = leaf;
  return {
    text: `It is sent as a list; a list is asked for its items by "${operator}"`,
    clause: { kind: 'has', path, operator, field: subject.field, items },
  };
}

function itemsAsked(leaf: Leaf): ScalarLiteral[] {
  const asked =
    leaf.kind === 'compare' && leaf.operator === '=='
      ? [leaf.value]
      : leaf.kind === 'in'
        ? leaf.items
        : leaf.kind === 'text' && leaf.operator === 'contains'
          ? [{ type: 'text' as const, value: leaf.text }]
          : [];
  return asked.flatMap((literal) => (literal.type === 'time' ? [] : [literal]));
}

const separators: readonly (readonly [RegExp, string])[] = [
  [/^\s*\[.*\]\s*$/s, 'JSON in a text'],
  [/ ::: /, 'between " ::: "'],
  [/;/, 'between ";"'],
  [/\|/, 'between "|"'],
  [/^\s*"[^"]*"(?:\s*,|\s*$)/, 'in quotes'],
  [/\n/, 'one a line'],
];

/** `has` splits a text at commas. */
function otherSeparator(leaf: Leaf, values: readonly unknown[]): Shape | null {
  if (leaf.kind !== 'has') return null;
  for (const value of values) {
    if (typeof value !== 'string') continue;
    const found = separators.find(([pattern]) => pattern.test(value));
    const holds = leaf.items.some(
      (item) => item.type === 'text' && item.value !== '' && value.includes(item.value),
    );
    if (found === undefined || !holds) continue;
    return {
      text: `Items are sent ${found[1]}, such as \`${visible(value)}\`; "${leaf.operator}" splits a text at commas only: send a list`,
      clause: null,
    };
  }
  return null;
}

/** A pasted list of which a part is there as a value. */
function pasted(leaf: Leaf, values: readonly unknown[] | null): Shape | null {
  const asked =
    leaf.kind === 'in' ? leaf.items : leaf.kind === 'compare' && leaf.operator === '==' ? [leaf.value] : [];
  const [literal] = asked;
  if (asked.length !== 1 || literal?.type !== 'text' || !('subject' in leaf)) return null;
  const parts = pastedParts(literal.value);
  if (parts.length < 2 || values?.some((value) => parts.some((part) => part === value)) === false)
    return null;
  return {
    text: `\`${visible(literal.value)}\` is one text; several values stand in quotes each`,
    clause: {
      kind: 'in',
      path: leaf.path,
      subject: leaf.subject,
      items: parts.map((value) => ({ type: 'text', value })),
    },
  };
}
