import { fieldNamed, keyOf } from '../fields.js';
import type { Field } from '../fields.js';
import { textWords } from './list.js';

/** A field as people say it: `role` for `custom:role`, `amount` for `property:amount`, `company plan`, `days since signup`. */
export function fieldWords(field: Field): string {
  const prefix = field.entity === 'company' ? 'company ' : '';
  if (field.kind === 'derived') return prefix + field.name.replaceAll('_', ' ');
  if (field.entity === 'page') return `page ${field.name}`;
  if (field.kind === 'column') return field.name.startsWith('company_') ? field.name : prefix + field.name;
  // A property stands only behind "where", where nothing else does.
  if (field.entity === 'event') return plainOrQuoted(keyOf(field));
  return prefix + customWords(field.entity, keyOf(field));
}

function customWords(entity: Field['entity'], key: string): string {
  // A trait that is called like a column, or like a field of the company, keeps its prefix: the two are told apart.
  const column = fieldNamed(entity === 'company' ? `company.${key}` : key);
  if (column !== null || /^company[ ._]/.test(key)) return `custom:${plainOrQuoted(key)}`;
  return plainOrQuoted(key);
}

/** A key or an event's name that could be read as a part of the sentence stands in quotes. */
export function plainOrQuoted(key: string): string {
  return /^[\p{L}\p{N}_./~-]+$/u.test(key) ? key : textWords(key);
}
