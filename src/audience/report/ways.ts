import { columnInPlaceOf, nameOf } from '../../filter/fields.js';
import { sketch } from '../../filter/parse/context.js';
import { printFilter } from '../../filter/print.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { leavesOf } from '../../filter/tree.js';
import type { Did, Leaf } from '../../filter/tree.js';
import { hasUnseen } from '../../filter/visible.js';
import type { Known } from '../advice/known.js';
import { askedOf, fieldMeant, propertyMeant, withField } from '../advice/meant.js';
import { nearName } from '../advice/near.js';
import { shapeOf } from '../advice/shape.js';
import type { FieldValues } from '../statements/values.js';
import { withClause } from './changes.js';
import { atMost, toCount } from './suggestion.js';
import type { Draft } from './suggestion.js';
import { quoted } from './words.js';

/** A name that the workspace knows, in the place of one that nobody has. */
export function otherName(leaf: Leaf, people: number, known: Known): Draft[] {
  const { path } = leaf;
  const { traits, events } = known;
  if (leaf.kind === 'did') {
    if (events.includes(leaf.event)) return otherProperty(leaf, people, known);
    const event = nearName(leaf.event, events);
    if (event === null) return [];
    const text = `Nobody ever did ${quoted(leaf.event)}: is ${quoted(event)} meant?`;
    return [toCount({ path, code: 'other_name', text, people }, { ...leaf, event })];
  }
  const field = fieldOf(leaf);
  if (field?.kind !== 'custom') return [];
  const meant = fieldMeant(field, traits);
  if (meant === null) return [];
  const [asked, name] = [quoted(nameOf(field)), quoted(nameOf(meant.field))];
  const text =
    columnInPlaceOf(field) === null
      ? `Nobody has ${asked}: is ${name} meant?`
      : `Nobody can have ${asked}: identify stores it as the field ${name}, or refuses it. Ask for that field.`;
  const clause = askedOf(leaf, meant.field);
  const said = { path, code: 'other_name' as const, text, people };
  return [clause === null ? atMost({ ...said, gain: people }) : toCount(said, clause)];
}

/** Properties that events of the name have, in the place of those that none of them has. */
function otherProperty(leaf: Did, people: number, { properties }: Known): Draft[] {
  const keys = properties.get(leaf.event);
  if (leaf.where === null || keys === undefined) return [];
  let { where } = leaf;
  const words: string[] = [];
  for (const { leaf: asked } of leavesOf(leaf.where)) {
    const field = fieldOf(asked);
    if (field?.kind !== 'custom' || keys.includes(field.tokens[0] ?? '')) continue;
    const meant = propertyMeant(field, keys);
    if (meant === null) continue;
    where = withClause(where, asked.path, withField(asked, meant));
    words.push(
      `None of the latest ${quoted(leaf.event)} has ${quoted(nameOf(field))}: is ${quoted(nameOf(meant))} meant?`,
    );
  }
  if (words.length === 0) return [];
  const text = [...new Set(words)].join(' ');
  return [toCount({ path: leaf.path, code: 'other_name', text, people }, { ...leaf, where })];
}

/** The shape that values have, where the clause cannot match it. What nobody has as a value is tried, and told if it gains. */
export function otherShape(leaf: Leaf, people: number, values: FieldValues | undefined): Draft[] {
  const { path } = leaf;
  const shape = shapeOf(leaf, values?.values.map(({ value }) => value) ?? null);
  if (shape !== null) {
    const written = shape.clause === null ? null : sketch(printFilter(shape.clause));
    const text = `${shape.text}${written === null ? '' : `: ${written}`}.`;
    const said = { path, code: 'other_shape' as const, text, people };
    if (shape.clause === null) return [atMost({ ...said, gain: people })];
    return [toCount(said, shape.clause, values === undefined)];
  }
  const plain = withoutUnseen(leaf);
  if (plain === null) return [];
  const text = `What is asked for holds characters that cannot be seen: write ${sketch(printFilter(plain)) ?? 'it without them'}.`;
  return [toCount({ path, code: 'other_shape', text, people }, plain, true)];
}

function withoutUnseen(leaf: Leaf): Leaf | null {
  if (
    leaf.kind === 'compare' &&
    leaf.operator === '==' &&
    leaf.value.type === 'text' &&
    hasUnseen(leaf.value.value)
  ) {
    return { ...leaf, value: { type: 'text', value: seen(leaf.value.value) } };
  }
  if (leaf.kind !== 'in' || !leaf.items.some((item) => item.type === 'text' && hasUnseen(item.value)))
    return null;
  const items = leaf.items.map((item) =>
    item.type === 'text' ? { ...item, value: seen(item.value) } : item,
  );
  return { ...leaf, items };
}

function seen(text: string): string {
  return text
    .normalize('NFC')
    .replace(/\p{Cf}/gu, '')
    .trim();
}
