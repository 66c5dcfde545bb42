import { MusterError } from '../../errors/index.js';
import { columnInPlaceOf, fieldNamed, keyOf, knownFieldNames } from '../../filter/fields.js';
import type { CustomField, Field } from '../../filter/fields.js';
import { parseFilter } from '../../filter/parse.js';
import { printFilter } from '../../filter/print.js';
import type { Leaf } from '../../filter/tree.js';
import type { CataloguedTrait } from '../../traits/catalogue/types.js';
import { nearName } from './near.js';

/** A field that somebody has, in the place of one that nobody has. */
export interface MeantField {
  readonly field: Field;
  /** How many people or companies have it; null for a field that is counted in no catalogue. */
  readonly users: number | null;
}

/**
 * The field that was probably meant by a custom field that nobody has: the column of its name, a value inside a trait, the same key
 * of the company, or a key that is near. Null where nothing comes near.
 */
export function fieldMeant(field: CustomField, traits: readonly CataloguedTrait[]): MeantField | null {
  const column = columnInPlaceOf(field);
  if (column !== null) return named(column, null);
  const sent = traits.filter(({ users }) => users > 0);
  const entity = field.entity === 'company' ? 'company' : 'user';
  const [own, others] = [
    sent.filter((each) => each.entity === entity),
    sent.filter((each) => each.entity !== entity),
  ];
  const [key = ''] = field.tokens;
  const prefix = entity === 'company' ? 'company.' : '';
  return (
    insideOf(field, own, prefix) ??
    traitNamed(
      [
        ...own.filter((each) => each.key === `custom:${key}`),
        ...others.filter((each) => each.key === key),
      ][0],
      field,
    ) ??
    nearColumn(field, prefix) ??
    traitNamed(near(key, own), field)
  );
}

/** `orders.0.sku` is a path where there is a trait `orders` with something inside. */
function insideOf(field: CustomField, own: readonly CataloguedTrait[], prefix: string): MeantField | null {
  const parts = keyOf(field).split('.');
  const [first] = parts;
  const holds = own.find(
    ({ key, types }) => key === first && types.some(({ type }) => type === 'object' || type === 'list'),
  );
  if (field.form !== 'key' || parts.length < 2 || holds === undefined) return null;
  const pointer = parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return named(`${prefix}custom:${pointer}`, null);
}

/** A trait that is called like a column but for letter case and the like: `Email`, `company id`. */
function nearColumn(field: CustomField, prefix: string): MeantField | null {
  if (field.tokens.length !== 1) return null;
  const [key = ''] = field.tokens;
  if (key === 'user_id' && prefix === '') return named('user_id', null);
  if (key === 'company_id') return named('company.company_id', null);
  const columns = knownFieldNames()
    .filter((name) => name.startsWith('company.') === (prefix !== ''))
    .map((name) => name.slice(prefix.length));
  const folded = columns.find((name) => name === key.toLowerCase().replace(/[\s-]+/g, '_'));
  return folded === undefined ? null : named(prefix + folded, null);
}

/** The property that was probably meant by one that no event of the name has; null where nothing comes near. */
export function propertyMeant(field: CustomField, keys: readonly string[]): CustomField | null {
  const [key = '', ...rest] = field.tokens;
  const parts = key.split('.');
  const [first = ''] = parts;
  // What stands inside of a property is read by a path.
  const isPath = parts.length > 1 && keys.includes(first);
  const tokens = isPath ? [...parts, ...rest] : [nearName(key, keys) ?? '', ...rest];
  return tokens[0] === '' ? null : { ...field, form: tokens.length > 1 ? 'pointer' : 'key', tokens };
}

function near(key: string, own: readonly CataloguedTrait[]): CataloguedTrait | undefined {
  const meant = nearName(
    key,
    own.map((each) => each.key),
  );
  return own.find((each) => each.key === meant);
}

/** The same place inside of another trait. */
function traitNamed(trait: CataloguedTrait | undefined, field: CustomField): MeantField | null {
  if (trait === undefined) return null;
  // A column is in the catalogue too, under its own name.
  if (trait.declared_type !== null && columnOf(trait) !== null)
    return named(columnOf(trait) ?? '', trait.users);
  const tokens = [trait.key, ...field.tokens.slice(1)];
  const form = tokens.length > 1 || trait.key.startsWith('/') ? 'pointer' : 'key';
  return { field: { kind: 'custom', entity: trait.entity, form, tokens }, users: trait.users };
}

function columnOf({ key, entity }: CataloguedTrait): string | null {
  const prefix = entity === 'company' ? 'company.' : '';
  return knownFieldNames().includes(prefix + key) ? prefix + key : null;
}

function named(name: string, users: number | null): MeantField | null {
  const field = fieldNamed(name);
  return field === null ? null : { field, users };
}

/** The same question about another field, where the language takes it. */
export function askedOf(leaf: Leaf, field: Field): Leaf | null {
  return accepted(withField(leaf, field));
}

/** The leaf about another field; as it was where it is about none. */
export function withField(leaf: Leaf, field: Field): Leaf {
  if ('subject' in leaf) return { ...leaf, subject: { ...leaf.subject, field } };
  return 'field' in leaf ? { ...leaf, field } : leaf;
}

/** The clause as the language reads it, with the place of the first; null where it refuses it. */
export function accepted(leaf: Leaf): Leaf | null {
  try {
    const read = parseFilter(printFilter(leaf));
    return read.kind === 'and' || read.kind === 'or' || read.kind === 'not'
      ? null
      : { ...read, path: leaf.path };
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}
