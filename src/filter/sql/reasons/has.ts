import type { Has, ScalarLiteral } from '../../tree.js';
import { foldAscii } from '../../values.js';
import { hashedMember } from '../member.js';
import type { Parameters } from '../parameters.js';
import { signupOf } from '../days.js';
import { codeOf, firstOf } from './case.js';
import { byType, lookAt } from './custom.js';
import type { Looks } from './looks.js';

/** Up to here items are looked for one by one; more are hashed once a statement. */
const fewItems = 8;

/** Why `has` `has_any` `has_all` holds or does not. */
export function reasonOfHas(leaf: Has, looks: Looks): string {
  const { field } = leaf;
  const { row, parameters } = looks.rowOf(field.entity);
  if (field.kind === 'custom') {
    const look = lookAt(field, looks);
    return byType(look, {
      string: toldOfText(`(${look.json()} #>> '{}')`, leaf, parameters),
      array: toldOfArray(look.json(), leaf, parameters),
    });
  }
  const value = looks.at(
    field.kind === 'column' ? `${row}.${field.name}` : signupOf(looks.rowOf(field.entity)),
  );
  const told =
    field.kind === 'column' && field.type === 'text'
      ? toldOfText(value, leaf, parameters)
      : codeOf('type_mismatch');
  return firstOf([[`${value} IS NULL`, codeOf('missing')]], told);
}

/** A text is split at commas, and only texts without a comma, and without a space at an end, are among its items. */
function toldOfText(text: string, { operator, items }: Has, parameters: Parameters): string {
  const wantsText = operator === 'has_all' ? items.every(isText) : items.some(isText);
  if (!wantsText) return codeOf('type_mismatch');
  const texts = items.flatMap((item) => (item.type === 'text' ? [item.value] : []));
  const possible = texts.filter((item) => !/^ | $|,/.test(item));
  if (possible.length === 0 || (operator === 'has_all' && possible.length < texts.length)) {
    return codeOf('different');
  }
  const among = (seen: string, wanted: readonly string[]): string => {
    const split = `muster_items(${seen})`;
    const distinct = [...new Set(wanted)];
    if (operator !== 'has_all' && distinct.length > fewItems) {
      const found = hashedMember('item', 'text', distinct, parameters);
      return `EXISTS (SELECT 1 FROM unnest(${split}) item WHERE ${found})`;
    }
    return `${split} ${operator === 'has_all' ? '@>' : '&&'} ${parameters.bind(distinct)}::text[]`;
  };
  const folded = `lower(${text} COLLATE "C")`;
  return firstOf(
    [
      ...notEven(folded, texts, operator, parameters),
      [among(text, possible), codeOf('matched')],
      [among(folded, possible.map(foldAscii)), codeOf('case_mismatch')],
    ],
    codeOf('different'),
  );
}

function toldOfArray(json: string, { operator, items }: Has, parameters: Parameters): string {
  const among = (list: string, wanted: readonly ScalarLiteral['value'][]): string => {
    const distinct = [...new Set(wanted.map((item) => JSON.stringify(item)))];
    if (operator === 'has_all') return `${list} @> ${parameters.json(`[${distinct.join(',')}]`)}`;
    if (distinct.length > fewItems) {
      const found = hashedMember('item', 'jsonb', distinct, parameters);
      return `EXISTS (SELECT 1 FROM jsonb_array_elements(${list}) item WHERE ${found})`;
    }
    return `${list} @> ANY(${parameters.bind(distinct.map((item) => `[${item}]`))}::jsonb[])`;
  };
  const values = items.map(({ value }) => value);
  const matched = [among(json, values), codeOf('matched')] as const;
  const texts = values.flatMap((value) => (typeof value === 'string' ? [value] : []));
  if (texts.length === 0) return firstOf([matched], codeOf('different'));
  const folded = `lower(${json}::text COLLATE "C")`;
  return firstOf(
    [
      matched,
      ...(texts.length === values.length ? notEven(folded, texts, operator, parameters) : []),
      // In JSON, as in the fold, only A to Z have another case: what is folded is JSON still.
      [among(`${folded}::jsonb`, values.map(fold)), codeOf('case_mismatch')],
    ],
    codeOf('different'),
  );
}

/** A single item that does not even stand in the text, whatever its letters' case, is told without splitting the text. */
function notEven(
  folded: string,
  texts: readonly string[],
  operator: Has['operator'],
  parameters: Parameters,
): [string, string][] {
  const [only] = texts;
  // JSON would write an item with these in another way.
  if (operator !== 'has' || only === undefined || /["\\\p{Cc}]/u.test(only)) return [];
  return [[`strpos(${folded}, ${parameters.bind(foldAscii(only))}::text) = 0`, codeOf('different')]];
}

function isText({ type }: ScalarLiteral): boolean {
  return type === 'text';
}

function fold(value: ScalarLiteral['value']): ScalarLiteral['value'] {
  return typeof value === 'string' ? foldAscii(value) : value;
}
