import type { CustomField } from '../fields.js';
import type { Has } from '../tree.js';
import type { Condition } from './condition.js';
import { all, any, atom, nobody } from './condition.js';
import { containmentIndex, itemsIndex } from './indexes.js';
import { hashedMember } from './member.js';
import type { Scope } from './scope.js';
import { bagOf, documentOf, isContainable, isText, jsonOf, textOfJson } from './scope.js';

/** Up to here `has_any` tests the items one by one, which the indexes serve; more are hashed once a statement. */
const fewItems = 8;

/**
 * `has` `has_any` `has_all`: items of an array by type and value, or of a text split at commas and trimmed of spaces.
 * Missing, null, and what is neither array nor text: never true.
 */
export function has(node: Has, scope: Scope): Condition {
  const { field } = node;
  if (field.kind === 'derived' || (field.kind === 'column' && field.type !== 'text')) return nobody;
  if (field.kind === 'column') return inText(`${scope.row}.${field.name}`, node, scope) ?? nobody;
  const array = inArray(field, node, scope);
  const text = inText(textOfJson(scope.row, field), node, scope);
  if (text === null) return array;
  const guarded = all([atom(isText(scope.row, field)), text]);
  return any([array, node.items.length > fewItems ? guarded : { ...guarded, indexes: itemsIndex(field) }]);
}

function inArray(field: CustomField, node: Has, scope: Scope): Condition {
  const { row, parameters } = scope;
  const items = [...new Set(node.items.map((item) => JSON.stringify(item.value)))];
  if (node.operator === 'has_any' && items.length > fewItems) {
    const at = jsonOf(row, field);
    const elements = `jsonb_array_elements(CASE WHEN jsonb_typeof${at} = 'array' THEN ${at} END)`;
    const found = hashedMember('item', 'jsonb', items, parameters);
    return atom(`EXISTS (SELECT 1 FROM ${elements} item WHERE ${found})`);
  }
  const whole = isContainable(field);
  const subject = whole ? `${row}.${bagOf(field)}` : jsonOf(row, field);
  const index = whole ? containmentIndex(scope.entity) : null;
  const document = (list: readonly string[]): string => {
    const json = `[${list.join(',')}]`;
    return whole ? documentOf(field, json) : json;
  };
  if (node.operator !== 'has_any' || items.length === 1) {
    return atom(`${subject} @> ${parameters.json(document(items))}`, index);
  }
  const documents = parameters.bind(items.map((item) => document([item])));
  return atom(`${subject} @> ANY(${documents}::jsonb[])`, index);
}

/** The text's items. Only texts can be among them, and only without a comma and without a space at an end. */
function inText(text: string, node: Has, scope: Scope): Condition | null {
  const { parameters } = scope;
  const items = new Set<string>();
  for (const item of node.items) {
    if (item.type === 'text' && !/^ | $|,/.test(item.value)) items.add(item.value);
    else if (node.operator !== 'has_any') return null;
  }
  const [only] = items;
  if (only === undefined) return null;
  const split = `muster_items(${text})`;
  if (items.size === 1) {
    const value = `${parameters.bind(only)}::text`;
    const found = atom(`${split} @> ARRAY[${value}]`);
    // A text without the item is done before it is split.
    return only === '' ? found : all([atom(`strpos(${text}, ${value}) > 0`), found]);
  }
  if (node.operator === 'has_all') return atom(`${split} @> ${parameters.bind([...items])}::text[]`);
  if (items.size <= fewItems) return atom(`${split} && ${parameters.bind([...items])}::text[]`);
  const found = hashedMember('item', 'text', [...items], parameters);
  return atom(`EXISTS (SELECT 1 FROM unnest(${split}) item WHERE ${found})`);
}
