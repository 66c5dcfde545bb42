import type { CustomField } from '../fields.js';
import type { Has } from '../tree.js';
import type { Condition } from './condition.js';
import { all, any, atom, nobody } from './condition.js';
import { member, shortList } from './member.js';
import type { Scope } from './scope.js';
import { documentOf, isContainable, isText, jsonOf, textOfJson } from './scope.js';

/**
 * `has` `has_any` `has_all`: items of an array by type and value, or of a text split at commas and trimmed of spaces.
 * Missing, null, and what is neither array nor text: never true.
 */
export function has(node: Has, scope: Scope): Condition {
  const { field } = node;
  if (field.kind === 'derived' || (field.kind === 'column' && field.type !== 'text')) return nobody;
  if (field.kind === 'column') return inText(`${scope.row}.${field.name}`, node, scope);
  const text = inText(textOfJson(scope.row, field), node, scope);
  const array = inArray(field, node, scope);
  return text === nobody ? array : any([array, all([atom(isText(scope.row, field)), text])]);
}

function inArray(field: CustomField, node: Has, scope: Scope): Condition {
  const { row, parameters } = scope;
  const items = [...new Set(node.items.map((item) => JSON.stringify(item.value)))];
  const whole = isContainable(field);
  const subject = whole ? `${row}.custom_fields` : jsonOf(row, field);
  const wanted = (list: readonly string[]): string => {
    const json = `[${list.join(',')}]`;
    return whole ? documentOf(field, json) : json;
  };
  if (node.operator !== 'has_any' || items.length === 1)
    return atom(`${subject} @> ${parameters.json(wanted(items))}`);
  if (items.length <= shortList) {
    return atom(`${subject} @> ANY(${parameters.bind(items.map((item) => wanted([item])))}::jsonb[])`);
  }
  // A long list is hashed once; the array's own items are looked up in it.
  const at = jsonOf(row, field);
  const elements = `jsonb_array_elements(CASE WHEN jsonb_typeof${at} = 'array' THEN ${at} END)`;
  return atom(`EXISTS (SELECT 1 FROM ${elements} item WHERE ${member('item', 'jsonb', items, parameters)})`);
}

/** The text's items; only text items can be among them, and neither with a comma nor with a space at an end. */
function inText(text: string, node: Has, scope: Scope): Condition {
  const { parameters } = scope;
  const items = new Set<string>();
  let possible = true;
  for (const item of node.items) {
    if (item.type === 'text' && !/^ | $|,/.test(item.value)) items.add(item.value);
    else possible = false;
  }
  if (items.size === 0 || (node.operator === 'has_all' && !possible)) return nobody;
  const trimmed = `regexp_replace(btrim(${text}, ' '), ' *, *', ',', 'g')`;
  const [only] = items;
  if (items.size === 1 && only !== undefined) {
    // The item as it stands between commas; a text without it is done before it is split.
    const value = `${parameters.bind(only)}::text`;
    const framed = `strpos(',' || ${trimmed} || ',', ',' || ${value} || ',') > 0`;
    return only === '' ? atom(framed) : all([atom(`strpos(${text}, ${value}) > 0`), atom(framed)]);
  }
  // string_to_array makes no item of an empty text, where the language sees one empty item.
  const list = `CASE btrim(${text}, ' ') WHEN '' THEN ARRAY[''] ELSE string_to_array(${trimmed}, ',') END`;
  if (node.operator === 'has_all') return atom(`${list} @> ${parameters.bind([...items])}::text[]`);
  if (items.size <= shortList) return atom(`${list} && ${parameters.bind([...items])}::text[]`);
  const lookup = member('item', 'text', [...items], parameters);
  return atom(`EXISTS (SELECT 1 FROM unnest(${list}) item WHERE ${lookup})`);
}
