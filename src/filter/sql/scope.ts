import type { CustomField, Entity } from '../fields.js';
import { isArrayIndex } from '../fields.js';
import type { Moment } from '../time.js';
import type { Parameters } from './parameters.js';
import { quoteLiteral } from './quote.js';

/** What a leaf is compiled against: the table's alias (already quoted), the clock, and where values go. */
export interface Scope {
  readonly entity: Entity;
  readonly row: string;
  readonly moment: Moment;
  readonly parameters: Parameters;
}

/** The value of a custom field as jsonb; NULL where a step of the path is missing. */
export function jsonOf(row: string, field: CustomField): string {
  return jsonIn(bagIn(row, field), field);
}

/** The same as text. Numbers, booleans and containers become text too, so a guard on the type goes with it. */
export function textOfJson(row: string, field: CustomField): string {
  return path(bagIn(row, field), field, '>');
}

/** As `jsonOf`, out of an expression that holds the whole document. */
export function jsonIn(bag: string, field: CustomField): string {
  return path(bag, field, '');
}

function bagIn(row: string, field: CustomField): string {
  return `${row === '' ? '' : `${row}.`}${bagOf(field)}`;
}

function path(bag: string, field: CustomField, suffix: '' | '>'): string {
  const last = field.tokens.length - 1;
  let text = `(${bag}`;
  field.tokens.forEach((token, index) => {
    const tail = index === last ? suffix : '';
    // `->` with a text takes object keys only: on an array it is NULL, also for `-1` and `01`, which `#>` would count
    // with. `#>` takes an object's key or an array's index, whichever the value is. The outermost value is always an object.
    text +=
      index > 0 && isArrayIndex(token) ? ` #>${tail} '{${token}}'` : ` ->${tail} ${quoteLiteral(token)}`;
  });
  return text + ')';
}

/** The column that a custom field or property lies in. */
export function bagOf(field: CustomField): string {
  return field.entity === 'event' ? 'properties' : 'custom_fields';
}

/** Whether the path names object keys only, so that one document can be tested for containment. */
export function isContainable(field: CustomField): boolean {
  return field.tokens.every((token, index) => index === 0 || !isArrayIndex(token));
}

/** The document `{"a":{"b":value}}` of a path and a value that is already JSON. */
export function documentOf(field: CustomField, json: string): string {
  return field.tokens.reduceRight((inner, token) => `{${JSON.stringify(token)}:${inner}}`, json);
}

/** Guard: the value is a text. */
export function isText(row: string, field: CustomField): string {
  return `jsonb_typeof${jsonOf(row, field)} = 'string'`;
}

/** The text in C collation, its ASCII letters lowered when asked for. `lower` under C touches no other letter. */
export function foldedText(text: string, lower: boolean): string {
  return lower ? `lower(${text} COLLATE "C")` : text;
}
