/** Types that a dedicated column or derived field can have. Custom fields have the type of each stored value. */
export type FieldType = 'text' | 'time' | 'boolean' | 'number';

/** Whose row a field is read from; an event's only inside the `where` of `did`. */
export type Entity = 'user' | 'company' | 'event';

/** The entities that have columns. */
export type PersonEntity = Exclude<Entity, 'event'>;

/** A dedicated column of `end_users` or `companies`; or what is known of the page that a decision rule is asked about. */
export interface ColumnField {
  readonly kind: 'column';
  readonly entity: PersonEntity | 'page';
  readonly name: string;
  readonly type: Exclude<FieldType, 'number'>;
}

/**
 * A value inside `custom_fields`, or inside an event's `properties` where the entity is `event`: `tokens` is one key for
 * `custom:KEY` (`property:KEY`), or the tokens of `custom:/a/b`.
 * Only a pointer's token may index an array, and only when it is `0` or digits without a leading zero.
 */
export interface CustomField {
  readonly kind: 'custom';
  readonly entity: Entity;
  readonly form: 'key' | 'pointer';
  readonly tokens: readonly string[];
}

/** A field computed on read; the field itself decides its fallback. */
export interface DerivedField {
  readonly kind: 'derived';
  readonly entity: PersonEntity;
  readonly name: DerivedName;
  readonly type: 'number';
}

/** A field whose value is stored, and not counted when it is read. */
export type StoredField = ColumnField | CustomField;

export type Field = StoredField | DerivedField;

export interface ColumnEntry {
  readonly type: Exclude<FieldType, 'number'>;
  /** Which tables have it. */
  readonly of: 'user' | 'company' | 'both';
  /** `trait`: set by the customer. `identity`: names the row. `system`: never written by a caller. */
  readonly source: 'trait' | 'identity' | 'system';
}

/** Every dedicated column that a filter can read. */
export const columns = {
  user_id: { type: 'text', of: 'user', source: 'identity' },
  company_id: { type: 'text', of: 'company', source: 'identity' },
  name: { type: 'text', of: 'both', source: 'trait' },
  email: { type: 'text', of: 'user', source: 'trait' },
  signed_up_at: { type: 'time', of: 'both', source: 'trait' },
  renewal_status: { type: 'text', of: 'both', source: 'trait' },
  renewal_date: { type: 'time', of: 'both', source: 'trait' },
  contract_term: { type: 'text', of: 'both', source: 'trait' },
  payment_terms: { type: 'text', of: 'both', source: 'trait' },
  on_contract: { type: 'boolean', of: 'both', source: 'trait' },
  created_at: { type: 'time', of: 'both', source: 'system' },
  updated_at: { type: 'time', of: 'both', source: 'system' },
  first_seen: { type: 'time', of: 'both', source: 'system' },
  last_seen: { type: 'time', of: 'both', source: 'system' },
  last_contacted_at: { type: 'time', of: 'both', source: 'system' },
} as const satisfies Record<string, ColumnEntry>;

export type ColumnName = keyof typeof columns;

export interface DerivedEntry {
  readonly type: 'number';
  readonly of: 'both';
  /** The time column it is counted from. */
  readonly from: ColumnName;
  /** The column that stands in when `from` is missing. */
  readonly fallback: ColumnName;
}

/** Derived fields, each with its fallback stated; further ones join here. */
export const derived = {
  days_since_signup: { type: 'number', of: 'both', from: 'signed_up_at', fallback: 'created_at' },
} as const satisfies Record<string, DerivedEntry>;

export type DerivedName = keyof typeof derived;

const tableOf = { user: ['user', 'both'], company: ['company', 'both'] } as const;

/**
 * The field of a person or company that a `var` names, or null when the catalogue does not know it. Pointers must be well
 * formed. An event's properties are `propertyNamed`.
 */
export function fieldNamed(name: string): Field | null {
  const entity: PersonEntity = name.startsWith('company.') ? 'company' : 'user';
  const rest = entity === 'company' ? name.slice('company.'.length) : name;
  if (rest.startsWith('custom:')) {
    return customNamed(entity, rest.slice('custom:'.length));
  }
  const allowed: readonly string[] = tableOf[entity];
  if (isColumnName(rest)) {
    const column = columns[rest];
    return allowed.includes(column.of) ? { kind: 'column', entity, name: rest, type: column.type } : null;
  }
  if (isDerivedName(rest)) {
    return { kind: 'derived', entity, name: rest, type: 'number' };
  }
  return null;
}

/** The property of an event that a `var` names inside the `where` of `did`: `property:KEY` or `property:/a/b`. */
export function propertyNamed(name: string): CustomField | null {
  return name.startsWith('property:') ? customNamed('event', name.slice('property:'.length)) : null;
}

/** What decision rules read of a page; all of it is text. Filters are about people, and cannot. */
export const pageFacts = ['url', 'host', 'path', 'query', 'hash', 'language'] as const;

export type PageFact = (typeof pageFacts)[number];

/** The fact that a `var` names in a rule about a page: `page:path`. */
export function pageFactNamed(name: string): ColumnField | null {
  const fact = pageFacts.find((known) => `page:${known}` === name);
  return fact === undefined ? null : { kind: 'column', entity: 'page', name: fact, type: 'text' };
}

/** Whether the field's times can be days: a customer sets them, where a system column's are instants, at midnight too. */
export function mayBeDay(field: Field): boolean {
  if (field.kind !== 'column') return field.kind === 'custom';
  return field.entity !== 'page' && isColumnName(field.name) && columns[field.name].source === 'trait';
}

function customNamed(entity: Entity, key: string): CustomField | null {
  if (key === '') return null;
  if (!key.startsWith('/')) return { kind: 'custom', entity, form: 'key', tokens: [key] };
  return pointerFault(key) === null
    ? { kind: 'custom', entity, form: 'pointer', tokens: pointerTokens(key) }
    : null;
}

function isColumnName(name: string): name is ColumnName {
  return Object.hasOwn(columns, name);
}

function isDerivedName(name: string): name is DerivedName {
  return Object.hasOwn(derived, name);
}

/** The `var` that names the field; `fieldNamed(nameOf(field))`, for a property `propertyNamed`, for a page `pageFactNamed`, gives the field back. */
export function nameOf(field: Field): string {
  if (field.entity === 'page') return `page:${field.name}`;
  const prefix = field.entity === 'company' ? 'company.' : '';
  if (field.kind !== 'custom') return prefix + field.name;
  return prefix + (field.entity === 'event' ? 'property:' : 'custom:') + keyOf(field);
}

/** The key or pointer of a custom field or property, as it is written after the colon. */
export function keyOf(field: CustomField): string {
  return field.form === 'key' ? field.tokens.join('') : field.tokens.map(toToken).join('');
}

/** Every `var` that is not `custom:`, for suggestions and documentation. */
export function knownFieldNames(): string[] {
  const names: string[] = [];
  for (const entity of ['user', 'company'] as const) {
    const prefix = entity === 'company' ? 'company.' : '';
    const allowed: readonly string[] = tableOf[entity];
    for (const [name, entry] of [...Object.entries(columns), ...Object.entries(derived)]) {
      if (allowed.includes(entry.of)) names.push(prefix + name);
    }
  }
  return names;
}

/** What is wrong with a JSON Pointer (RFC 6901) that starts with `/`, or null. */
export function pointerFault(pointer: string): string | null {
  return /~(?![01])/.test(pointer) ? '`~` must be followed by 0 or 1' : null;
}

function pointerTokens(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function toToken(token: string): string {
  return '/' + token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Whether a pointer's token may index an array: `0`, or digits without a leading zero. `-1` and `-` never do. */
export function isArrayIndex(token: string): boolean {
  return /^(?:0|[1-9][0-9]*)$/.test(token);
}

/** What identify counts out of other fields, and refuses as a trait like the system columns. */
const reservedTraits: Readonly<Record<string, string>> = { id: 'user_id', customer_for: 'days_since_signup' };

/**
 * The field that holds what a custom field of this name would: identify stores the traits of these names in columns, or
 * refuses them, so that no custom field of the name can be there. Null for other fields.
 */
export function columnInPlaceOf(field: Field): string | null {
  if (field.kind !== 'custom' || field.entity === 'event' || field.tokens.length !== 1) return null;
  const key = field.tokens[0] ?? '';
  const prefix = field.entity === 'company' ? 'company.' : '';
  if (Object.hasOwn(reservedTraits, key)) {
    return key === 'id' && prefix !== '' ? 'company.company_id' : prefix + (reservedTraits[key] ?? '');
  }
  if (!isColumnName(key) || columns[key].source === 'identity') return null;
  const { of } = columns[key];
  return of === 'both' || of === field.entity ? prefix + key : null;
}
