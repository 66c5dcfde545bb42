import {
  columns,
  fieldNamed,
  knownFieldNames,
  pageFactNamed,
  pageFacts,
  pointerFault,
  propertyNamed,
} from '../fields.js';
import type { Field, FieldType } from '../fields.js';
import type { Subject } from '../tree.js';
import { child, described, isList, isObject, onlyKey, report, shown, single, sketch } from './context.js';
import type { Context, Place } from './context.js';
import { isSoundText } from './text.js';
import { folded, nearest } from './suggest.js';

/** A field with the name it was written by, and the one type it holds; custom fields hold any. */
export interface NamedField {
  readonly field: Field;
  readonly name: string;
  /** The name for messages: short, `lower` shown around it. */
  readonly label: string;
  readonly type: FieldType | 'any';
}

export interface NamedSubject extends NamedField {
  readonly subject: Subject;
}

/** Whether the operand was meant as a field, well formed or not. */
export function isFieldShaped(value: unknown): boolean {
  return isObject(value) && (Object.hasOwn(value, 'var') || Object.hasOwn(value, 'lower'));
}

/** Whether the operand is a field in `lower`. */
export function isLowered(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, 'lower');
}

/** The left side of a comparison: `{"var": F}` or `{"lower": {"var": F}}`. */
export function subjectAt(value: unknown, path: string, place: Place, context: Context): NamedSubject | null {
  if (!isObject(value) || !Object.hasOwn(value, 'lower')) {
    const named = fieldAt(value, path, place, context);
    return named === null ? null : { ...named, subject: { field: named.field, lower: false } };
  }
  const alone = onlyKey(value, 'lower', path, context);
  const inner = single(value['lower'], child(path, 'lower'));
  const named = fieldAt(inner.value, inner.path, { ...place, operator: 'lower' }, context);
  if (named === null || !alone) return null;
  if (named.type !== 'any' && named.type !== 'text') {
    return report(context, 'operator_type', inner.path, {
      operator: 'lower',
      type: holds[named.type],
      advice: 'leave `lower` out',
    });
  }
  return {
    ...named,
    label: `lower(${named.label})`,
    type: 'text',
    subject: { field: named.field, lower: true },
  };
}

/** Words for what a field of a type holds. */
export const holds: Readonly<Record<FieldType, string>> = {
  text: 'text',
  time: 'times',
  boolean: 'true or false',
  number: 'numbers',
};

/** The operand `{"var": F}`; `{"var": [F]}` reads the same, a default beside it is refused. */
export function fieldAt(value: unknown, path: string, place: Place, context: Context): NamedField | null {
  if (isObject(value) && Object.hasOwn(value, 'lower')) {
    const code = 'operator_type';
    const advice = `leave \`lower\` out; write ${place.example}`;
    return report(context, code, path, { operator: place.operator, type: 'a field in `lower`', advice });
  }
  if (!isObject(value) || !Object.hasOwn(value, 'var')) {
    const meant = typeof value === 'string' ? meantField(value, context) : null;
    const hint =
      meant === null ? `write ${place.example}` : `write {"var": ${JSON.stringify(meant)}} in its place`;
    return report(context, 'var_expected', path, { operator: place.operator, got: described(value) }, hint);
  }
  const alone = onlyKey(value, 'var', path, context);
  const at = child(path, 'var');
  const operands = value['var'];
  if (isList(operands) && operands.length !== 1) {
    const hint = 'write {"var": "custom:role"}; a default would hide who has no value, so ask with "missing"';
    const got = described(operands);
    return report(context, 'wrong_arity', at, { operator: 'var', expected: 'one field name', got }, hint);
  }
  const written = single(operands, at);
  if (typeof written.value !== 'string') {
    const values = { operator: 'var', expected: "a field's name as text", got: described(written.value) };
    return report(context, 'literal_expected', written.path, values, 'write {"var": "custom:role"}');
  }
  const name = written.value;
  if (!isSoundText(name, written.path, context)) return null;
  const field = fieldIn(name, context);
  if (field === null) return refuseField(name, written.path, context);
  return alone
    ? { field, name, label: shown(name), type: field.kind === 'custom' ? 'any' : field.type }
    : null;
}

function fieldIn(name: string, context: Context): Field | null {
  if (context.scope === 'properties') return propertyNamed(name);
  return fieldNamed(name) ?? (context.scope === 'pages' ? pageFactNamed(name) : null);
}

function meantField(text: string, context: Context): string | null {
  return sketch(text) !== null && fieldIn(text, context) !== null ? text : null;
}

function refuseField(name: string, path: string, context: Context): null {
  const pointer = /^(?:company\.)?(?:custom|property):(\/.*)$/s.exec(name)?.[1];
  const fault = pointer === undefined ? null : pointerFault(pointer);
  if (fault !== null) return report(context, 'bad_pointer', path, { field: shown(name), reason: fault });
  if (context.scope === 'people' && pageFactNamed(name) !== null)
    return report(context, 'page_only', path, { name: shown(name) });
  const hint = context.scope === 'properties' ? hintForProperties(name) : hintForPeople(name);
  return report(context, 'unknown_field', path, { field: shown(name) }, hint);
}

function hintForProperties(name: string): string {
  const key = name.replace(/^(?:property|properties|custom|event)[:.]/, '');
  return `inside "where" every field is a property of the event: \`property:${shown(key === '' ? 'amount' : key)}\``;
}

/** What people call the columns elsewhere, folded. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['id', 'user_id'],
  ['uid', 'user_id'],
  ['full_name', 'name'],
  ['email_address', 'email'],
  ['e_mail', 'email'],
  ['signup', 'signed_up_at'],
  ['signup_at', 'signed_up_at'],
  ['signup_date', 'signed_up_at'],
  ['sign_up_date', 'signed_up_at'],
  ['signed_up', 'signed_up_at'],
  ['signed_up_date', 'signed_up_at'],
  ['registered_at', 'signed_up_at'],
  ['created', 'created_at'],
  ['updated', 'updated_at'],
  ['first_seen_at', 'first_seen'],
  ['last_seen_at', 'last_seen'],
  ['last_active', 'last_seen'],
  ['last_active_at', 'last_seen'],
  ['last_contacted', 'last_contacted_at'],
  ['renewal_at', 'renewal_date'],
  ['renews_at', 'renewal_date'],
  ['customer_for', 'days_since_signup'],
  ['days_since_sign_up', 'days_since_signup'],
]);

function hintForPeople(name: string): string {
  if (/^(?:company\.)?custom:$/.test(name)) return `name a key after the colon, such as \`${name}role\``;
  if (name.startsWith('page:'))
    return `of a page there are ${pageFacts.map((fact) => `\`page:${fact}\``).join(', ')}`;
  if (name.startsWith('property:')) return 'properties of an event are read only inside the "where" of "did"';
  if (name === '') return 'name a field, such as `signed_up_at` or `custom:role`';
  const company = /^company[.:]/.test(name);
  const bare = name.replace(/^(?:company|users?|end_users|person|people)[.:]/, '');
  const key = bare.replace(/^(?:custom|custom_fields|customs|traits?|attributes?)[.:]/i, '');
  if (key === '') return 'name a key after the colon, such as `custom:role`';
  const prefix = company ? 'company.custom:' : 'custom:';
  const custom = prefix + key;
  if (isPathInTrait(key)) return pathHint(key, prefix);
  if (key !== bare) return `did you mean \`${shown(custom)}\`?`;
  const meant = knownAs(bare, company ? 'company.' : '');
  if (meant !== null) return `did you mean \`${meant}\`? a trait of your own would be \`${shown(custom)}\``;
  if (company && Object.hasOwn(columns, folded(bare))) {
    return `only people have \`${folded(bare)}\`, companies do not; a trait of the company is \`${shown(custom)}\``;
  }
  if (folded(bare) === 'company_id') return 'did you mean `company.company_id`?';
  return `traits of your own are written \`${shown(custom)}\``;
}

/** JSON Logic's `address.city` is a path into a trait; in `custom:address.city` the dot is a part of the key. */
function isPathInTrait(key: string): boolean {
  return !key.startsWith('/') && key.split('.').length > 1 && key.split('.').every((part) => part !== '');
}

function pathHint(key: string, prefix: string): string {
  const parts = key.split('.');
  const pointer = parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return (
    `\`${shown(parts.slice(1).join('.'))}\` inside the trait \`${shown(parts[0] ?? '')}\` is written \`${shown(prefix + pointer)}\`; ` +
    `a trait with a dot in its name is \`${shown(prefix + key)}\``
  );
}

function knownAs(name: string, prefix: string): string | null {
  const known = knownFieldNames();
  const other = prefix + (otherNames.get(folded(name)) ?? folded(name));
  if (known.includes(other)) return other;
  if (Object.hasOwn(columns, folded(name))) return null;
  const inScope = known
    .filter((field) => field.startsWith('company.') === (prefix !== ''))
    .map((field) => field.slice(prefix.length));
  const near = nearest(name, inScope);
  return near === null ? null : prefix + near;
}
