import { sketch } from '../parse/context.js';
import { printFilter } from '../print.js';
import type { Filter, Leaf, Literal } from '../tree.js';
import { foldAscii } from '../values.js';
import { visible } from '../visible.js';
import { isFolded } from './accepts.js';
import type { Finding } from './finding.js';

/**
 * `lower` folds the value and not the text it is compared with, so that a text with a capital is never met. An error
 * where the whole clause is then never true; a warning where a part of it is, or where `!=` is then always true of text.
 */
export function lowerFinding(leaf: Leaf): Finding | null {
  if (!('subject' in leaf) || !leaf.subject.lower) return null;
  const never = textsOf(leaf).filter((text) => !isFolded(text));
  const [first] = never;
  if (first === undefined) return null;
  const never_true = never.length === itemsOf(leaf) && !(leaf.kind === 'compare' && leaf.operator === '!=');
  const clause = sketch(printFilter(folded(leaf)));
  return {
    code: 'never_lower_case',
    severity: never_true ? 'error' : 'warning',
    path: leaf.path,
    message: `\`lower\` makes small letters of the value, so \`${visible(first)}\` is never met`,
    hint: clause === null ? 'write the text in small letters' : `write ${clause}`,
  };
}

/** The texts that a value has to equal or hold; of texts in an order a capital may stand for an end. */
function textsOf(leaf: Leaf): string[] {
  if (leaf.kind === 'text') return [leaf.text];
  if (leaf.kind === 'in') return leaf.items.flatMap((item) => (item.type === 'text' ? [item.value] : []));
  if (leaf.kind !== 'compare' || leaf.value.type !== 'text') return [];
  return leaf.operator === '==' || leaf.operator === '!=' ? [leaf.value.value] : [];
}

function itemsOf(leaf: Leaf): number {
  return leaf.kind === 'in' ? leaf.items.length : 1;
}

/** The clause with its texts in small letters. */
export function folded(leaf: Leaf): Leaf {
  if (leaf.kind === 'text') return { ...leaf, text: foldAscii(leaf.text) };
  if (leaf.kind === 'in') return { ...leaf, items: leaf.items.map(foldedLiteral) };
  return leaf.kind === 'compare' ? { ...leaf, value: foldedLiteral(leaf.value) } : leaf;
}

function foldedLiteral(literal: Literal): Literal {
  return literal.type === 'text' ? { type: 'text', value: foldAscii(literal.value) } : literal;
}

/**
 * The clause with the field in `lower` and its texts in small letters: true of everybody of whom it was, and of those who differ
 * in letter case alone. Items that are no texts are asked beside it. Null where a clause in lower case would ask something else.
 */
export function lowerFolded(leaf: Leaf): Filter | null {
  if (leaf.kind !== 'text' && leaf.kind !== 'in' && !(leaf.kind === 'compare' && leaf.operator === '=='))
    return null;
  const texts = { ...leaf, subject: { ...leaf.subject, lower: true } };
  if (leaf.kind !== 'in') return folded(texts);
  const others = leaf.items.filter(({ type }) => type !== 'text');
  const inLower = folded({
    ...leaf,
    subject: texts.subject,
    items: leaf.items.filter(({ type }) => type === 'text'),
  });
  if (others.length === 0) return inLower;
  return { kind: 'or', path: leaf.path, operands: [inLower, { ...leaf, items: others }] };
}
