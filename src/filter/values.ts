import { hash } from 'node:crypto';
import { dayLength, instantOfStored } from './day.js';
import { columns, derived, isArrayIndex } from './fields.js';
import type { ColumnName, CustomField, DerivedName, Field, StoredField } from './fields.js';
import { parseIso } from './iso8601.js';
import type { CompanyRecord, UserRecord } from './record.js';
import type { Moment } from './time.js';

/** How values of a record are read and compared in memory; every in-memory reader of the tree goes through here. */

/** Takes one field's value out of a record. Absent key, null and undefined are all missing, and come back as either. */
export type FieldReader = (user: UserRecord) => unknown;

/** A row of either table: what one lacks is missing. */
export type Row = UserRecord & CompanyRecord;

/**
 * The reader of a field. The moment matters to derived fields only.
 *
 * A property of an event is read from the record that `recordOfEvent` makes of the event.
 *
 * A derived field whose column holds something that is no time reads as NaN: a value, but equal to nothing.
 */
export function readerOf(field: Field, moment: Moment): FieldReader {
  if (field.kind !== 'derived') return storedReaderOf(field);
  const read = derivedReaders[field.name](moment);
  return field.entity === 'user' ? read : (user) => (isObject(user.company) ? read(user.company) : undefined);
}

/** The reader of a field that is stored as it is. */
export function storedReaderOf(field: StoredField): FieldReader {
  if (field.kind === 'custom') return customReader(field);
  if (field.entity === 'page') return (user) => ownValue(user.page, field.name);
  const read = columnReader(field.name);
  return field.entity === 'user' ? read : (user) => (isObject(user.company) ? read(user.company) : undefined);
}

/** One function literal for each column: a named property is read faster than a computed one. */
const columnReaders: { readonly [K in ColumnName]: (row: Row) => unknown } = {
  user_id: (row) => row.user_id,
  company_id: (row) => row.company_id,
  name: (row) => row.name,
  email: (row) => row.email,
  signed_up_at: (row) => row.signed_up_at,
  renewal_status: (row) => row.renewal_status,
  renewal_date: (row) => row.renewal_date,
  contract_term: (row) => row.contract_term,
  payment_terms: (row) => row.payment_terms,
  on_contract: (row) => row.on_contract,
  created_at: (row) => row.created_at,
  updated_at: (row) => row.updated_at,
  first_seen: (row) => row.first_seen,
  last_seen: (row) => row.last_seen,
  last_contacted_at: (row) => row.last_contacted_at,
};

function columnReader(name: string): (row: Row) => unknown {
  if (!isColumnName(name)) throw new TypeError(`no column is named ${name}`);
  return columnReaders[name];
}

function isColumnName(name: string): name is ColumnName {
  return Object.hasOwn(columns, name);
}

const derivedReaders: {
  readonly [K in DerivedName]: (moment: Moment) => (row: Row) => number | undefined;
} = {
  days_since_signup: ({ now, zone }) => {
    return (row) => {
      const since = signupOf(row, zone);
      return since === null ? undefined : wholeDays(since, now);
    };
  },
};

/**
 * The instant that `days_since_signup` counts from, in milliseconds since 1970; null where it is missing, NaN where it is no
 * time. The signup may be a day, which begins with its first moment in the zone; what stands in for it never is.
 */
export function signupOf(row: Row, zone: string): number | null {
  const { from, fallback } = signupReaders;
  const signup = from(row);
  if (!isMissing(signup)) return instantOfStored(columnInstant(signup), zone);
  const created = fallback(row);
  return isMissing(created) ? null : columnInstant(created);
}

const signupReaders = {
  from: columnReader(derived.days_since_signup.from),
  fallback: columnReader(derived.days_since_signup.fallback),
};

/** Elapsed 24-hour periods between two instants, rounded down; negative when `now` comes first. NaN stays NaN. */
export function wholeDays(since: number, now: number): number {
  return Math.floor((now - since) / dayLength);
}

function customReader(field: CustomField): FieldReader {
  const [first, ...rest] = field.tokens;
  if (first === undefined) throw new TypeError('a custom field names at least one key');
  const bagOf: FieldReader =
    field.entity === 'company'
      ? (user) => (isObject(user.company) ? user.company.custom_fields : undefined)
      : (row) => row.custom_fields;
  if (rest.length === 0) return (user) => ownValue(bagOf(user), first);
  return (user) => {
    let value = ownValue(bagOf(user), first);
    for (const token of rest) value = valueAt(value, token);
    return value;
  };
}

/** The value under a key of a JSON object's own. Inherited members are never seen, lists and texts have no keys. */
export function ownValue(bag: unknown, key: string): unknown {
  if (!isObject(bag) || Array.isArray(bag) || !Object.hasOwn(bag, key)) return undefined;
  return bag[key];
}

/** One step of a JSON Pointer (RFC 6901): a key of an object, or an index of a list. */
function valueAt(value: unknown, token: string): unknown {
  if (!Array.isArray(value)) return ownValue(value, token);
  const items: readonly unknown[] = value;
  return isArrayIndex(token) ? items[Number(token)] : undefined;
}

/**
 * The key when the field is one key of the record's own `custom_fields` (the user's, or an event's properties) that a plain `bag[key]` reads exactly as
 * `ownValue` does; null otherwise. Names that objects inherit or lists own would be found where nobody stored them.
 */
export function plainKeyOf(field: Field): string | null {
  if (field.kind !== 'custom' || field.entity === 'company' || field.tokens.length !== 1) return null;
  const key = field.tokens[0] ?? '';
  return key in Array.prototype || isArrayIndex(key) ? null : key;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Absent key, JSON null and SQL NULL are no different from each other. */
export function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** The instant of a time column's value, in milliseconds since 1970 (UTC); NaN when it is no time. */
export function columnInstant(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  return textInstant(value);
}

/** The instant of a custom field's value: only ISO 8601 text has one, everything else is NaN. */
export function textInstant(value: unknown): number {
  return typeof value === 'string' ? (parseIso(value) ?? Number.NaN) : Number.NaN;
}

/**
 * Order by Unicode code point, as `COLLATE "C"` has it: negative, zero or positive.
 * JavaScript's own `<` orders UTF-16 units, which puts astral characters before U+E000 to U+FFFF.
 */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const one = left.charCodeAt(index);
    const other = right.charCodeAt(index);
    if (one !== other) return codePointRank(one) - codePointRank(other);
  }
  return left.length - right.length;
}

/** Moves surrogates above every other unit, where the code points they stand for belong. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Whether JavaScript's `<` orders this text against every other text by code point: true when no unit lies at
 * U+D800 or above, since then the first differing unit decides the same way in both orders.
 */
export function hasNativeOrder(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) >= 0xd800) return false;
  }
  return true;
}

/** The one case fold of the language: A to Z become a to z, every other character stays. */
export function foldAscii(text: string): string {
  let capitals = false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
    if (unit >= 0x41 && unit <= 0x5a) capitals = true;
  }
  return capitals ? text.toLowerCase() : text;
}

/** The items of a comma-separated text, spaces (U+0020) around each trimmed. Empty text is the one item `""`. */
export function splitList(text: string): string[] {
  return text.split(',').map(trimSpaces);
}

/** Trims U+0020 only; `trim` would also take tabs, no-break spaces and the like. */
function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === 0x20) start += 1;
  while (end > start && text.charCodeAt(end - 1) === 0x20) end -= 1;
  return text.slice(start, end);
}

/**
 * Where the user falls in `percent`'s hash, from 0 up to but not including 100; null without any id.
 * The arithmetic is float64 in this order, so that Postgres gives the same number.
 */
export function percentOf(salt: string, user: UserRecord): number | null {
  const id: unknown = user.user_id ?? user.anonymous_id;
  if (typeof id !== 'string') return null;
  return (Number.parseInt(hash('md5', `${salt}:${id}`, 'hex').slice(0, 8), 16) / 4_294_967_296) * 100;
}
