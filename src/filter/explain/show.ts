import { isDay, timeText } from '../day.js';
import { mayBeDay } from '../fields.js';
import type { Field } from '../fields.js';
import { dayIn, instantOf } from '../time.js';
import type { Moment, Time } from '../time.js';
import type { Literal } from '../tree.js';
import { columnInstant, isMissing, isObject, textInstant } from '../values.js';

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const longestText = 200;
const longestList = 20;
const deepest = 4;

/** A stored value as JSON fit to show: times as ISO 8601, what is missing as null, what is long cut short with `…`. */
export function shown(value: unknown, depth = 0): JsonValue {
  if (isMissing(value)) return null;
  if (typeof value === 'string') return shortText(value);
  if (typeof value === 'boolean') return value;
  // JSON has no such numbers; a jsonb number beyond the doubles arrives as Infinity.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (!isObject(value)) return typeof value;
  if (depth === deepest) return '…';
  if (Array.isArray(value)) return shownList(value, depth);
  const keys = Object.keys(value);
  const entries = keys
    .slice(0, longestList)
    .map((key): [string, JsonValue] => [shortText(key), shown(value[key], depth + 1)]);
  if (keys.length > longestList) entries.push(['…', `${keys.length - longestList} more`]);
  return Object.fromEntries(entries);
}

/** A field's value. A day is shown as that date: in a time column, and in a custom field that is asked for a time. */
export function shownValue(value: unknown, field: Field, isTime: boolean): JsonValue {
  if (!mayBeDay(field) || (field.kind === 'custom' && !isTime)) return shown(value);
  const time = field.kind === 'column' ? columnInstant(value) : textInstant(value);
  return isDay(time) ? timeText(time, true) : shown(value);
}

function shownList(items: readonly unknown[], depth: number): JsonValue {
  const list = items.slice(0, longestList).map((item) => shown(item, depth + 1));
  return items.length > longestList ? [...list, `… ${items.length - longestList} more`] : list;
}

/** Cut between code points, never inside a surrogate pair. */
function shortText(text: string): string {
  if (text.length <= longestText) return text;
  const last = text.charCodeAt(longestText - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? longestText - 1 : longestText;
  return `${text.slice(0, end)}…`;
}

/** A literal as the explanation's `wanted`. */
export function wantedLiteral(literal: Literal, moment: Moment): JsonValue {
  if (literal.type === 'text') return shortText(literal.value);
  if (literal.type !== 'time') return literal.value;
  const day = dayIn(literal.value);
  const at = timeText(day ?? instantOf(literal.value, moment), day !== null);
  return { at, written: written(literal.value) };
}

export function wantedList(literals: readonly Literal[], moment: Moment): JsonValue {
  const list = literals.slice(0, longestList).map((literal) => wantedLiteral(literal, moment));
  return literals.length > longestList ? [...list, `… ${literals.length - longestList} more`] : list;
}

function written(time: Time): JsonValue {
  if (time.kind === 'at') return { at: time.text };
  if (time.kind === 'start_of') return { start_of: [time.unit, time.offset] };
  return { [time.kind]: [time.amount, time.unit] };
}
