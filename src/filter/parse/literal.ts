import { limits } from '../limits.js';
import type { Literal, ScalarLiteral } from '../tree.js';
import { admitItems, child, described, isList, isObject, report, sketch } from './context.js';
import type { Context, Place } from './context.js';
import { holds, isFieldShaped } from './field.js';
import type { NamedField } from './field.js';
import { nearest } from './suggest.js';
import { isSoundText } from './text.js';
import { isoAt, timeAt, timeFormOf, timeForms } from './time.js';

/**
 * The literal at `path`, fitted to the field's type: ISO text becomes a time for a time column.
 * `named` is null when the field itself was refused; the literal's own faults are still reported.
 */
export function literalAt(
  value: unknown,
  path: string,
  place: Place,
  named: NamedField | null,
  context: Context,
): Literal | null {
  const literal = bareLiteral(value, path, place, named, context);
  if (literal === null || named === null) return null;
  const fit = fitted(literal, path, named, context);
  if (fit?.type === 'time' && !admitItems(limits.itemsOfTime, path, context)) return null;
  return fit;
}

/** A list of literals: at least one, no more than the limit. */
export function literalsAt(
  value: unknown,
  path: string,
  place: Place,
  named: NamedField | null,
  context: Context,
): Literal[] | null {
  if (!isList(value)) {
    const values = { operator: place.operator, expected: 'a list of values', got: described(value) };
    return report(context, 'literal_expected', path, values, `write ${place.example}`);
  }
  if (value.length === 0) return report(context, 'empty_list', path, { operator: place.operator });
  if (value.length > limits.listItems) {
    return report(context, 'list_too_long', path, { count: value.length, limit: limits.listItems });
  }
  if (!admitItems(value.length, path, context)) return null;
  const found: Literal[] = [];
  for (let index = 0; index < value.length; index += 1) {
    const literal = literalAt(value[index], child(path, index), place, named, context);
    if (literal !== null) found.push(literal);
  }
  return found.length === value.length ? found : null;
}

function bareLiteral(
  value: unknown,
  path: string,
  place: Place,
  named: NamedField | null,
  context: Context,
): Literal | null {
  if (typeof value === 'string') return isSoundText(value, path, context) ? { type: 'text', value } : null;
  if (typeof value === 'boolean') return { type: 'boolean', value };
  if (typeof value === 'number') return numberAt(value, path, context);
  if (value === null) return refuseNull(path, place, named, context);
  if (isObject(value)) {
    const form = timeFormOf(value);
    if (form !== null) {
      const time = timeAt(value, form, path, context);
      return time === null ? null : { type: 'time', value: time };
    }
  }
  const values = { operator: place.operator, expected: 'a literal', got: described(value) };
  return report(context, 'literal_expected', path, values, literalHint(value, place, named));
}

/** A finite number that is held exactly when it is whole; -0 becomes 0. */
export function numberAt(value: number, path: string, context: Context): ScalarLiteral | null {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    return report(context, 'bad_number', path, { number: String(value) });
  }
  return { type: 'number', value: value + 0 };
}

function refuseNull(path: string, place: Place, named: NamedField | null, context: Context): null {
  const name = context.scope === 'properties' ? 'property:plan' : 'custom:role';
  const variable = sketch({ var: named?.name ?? name }) ?? `{"var": "${name}"}`;
  const hint =
    place.operator === '!='
      ? `write {"exists": ${variable}} for people with a value`
      : `write {"missing": ${variable}} for people without a value`;
  return report(context, 'null_literal', path, { operator: place.operator }, hint);
}

function literalHint(value: unknown, place: Place, named: NamedField | null): string {
  if (isFieldShaped(value))
    return 'two fields cannot be compared with each other; write a text, a number, true, false or a time';
  if (isList(value)) {
    if (place.operator === '==' && named !== null) {
      return 'to match one of several values, write {"in": [{"var": "custom:role"}, ["admin", "owner"]]}';
    }
    if (place.operator === 'has') return 'write "has_any" or "has_all" for several items';
  }
  if (isObject(value)) {
    const keys = Object.keys(value);
    const key = keys[0];
    if (key === 'now') return 'now is written {"ago": [0, "days"]}';
    const near = key === undefined ? null : nearest(key, timeForms);
    if (near !== null) return `did you mean \`${near}\`?`;
  }
  return 'objects and lists are not literals; write a text, a number, true, false or a time';
}

const wanted = {
  text: 'a text such as "admin"',
  time: 'a time such as "2026-01-31" or {"ago": [30, "days"]}',
  boolean: 'true or false, without quotes',
  number: 'a number such as 30, without quotes',
} as const;

function fitted(literal: Literal, path: string, named: NamedField, context: Context): Literal | null {
  if (named.type === 'any' || named.type === literal.type) return literal;
  if (named.type === 'time' && literal.type === 'text') {
    const time = isoAt(literal.value, path, context);
    return time === null ? null : { type: 'time', value: time };
  }
  const got = literal.type === 'time' ? 'a time' : described(literal.value);
  const values = { field: named.label, type: holds[named.type], got, expected: wanted[named.type] };
  return report(context, 'literal_type', path, values);
}
