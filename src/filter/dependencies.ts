import { derived } from './fields.js';
import type { Field } from './fields.js';
import { leavesWithin, read } from './tree.js';
import type { Filter, Leaf, Reader } from './tree.js';

/**
 * What of the stored data can change a filter's verdict on somebody, by the names under which changes are told: a column of the
 * person (`last_seen`), a key of the custom fields (`custom:role`), the same of their company (`company.custom:plan`), the
 * company that they belong to (`company_id`), and events by name (`event:opened`). Sorted, each once.
 */
export function dependenciesOf(filter: Filter): string[] {
  return [...new Set(leavesWithin(filter).flatMap((leaf) => read(reader, leaf, undefined)))].toSorted();
}

/** What the change of a key of `custom_fields` is called. A key that starts with a slash would look like a pointer. */
export function changedKey(key: string): string {
  const pointer = key === '' || key.startsWith('/');
  return pointer ? `custom:/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` : `custom:${key}`;
}

const reader: Reader<undefined, string[]> = {
  and: ({ operands }) => operands.flatMap(dependenciesOf),
  or: ({ operands }) => operands.flatMap(dependenciesOf),
  not: ({ operand }) => dependenciesOf(operand),
  segment: ({ filter }) => dependenciesOf(filter),
  everyone: () => [],
  compare: ofSubject,
  in: ofSubject,
  between: ofSubject,
  text: ofSubject,
  has: ({ field }) => changesOf(field),
  presence: ({ field }) => changesOf(field),
  // The hash is of whichever id there is.
  percent: () => ['anonymous_id', 'user_id'],
  did: ({ event }) => [`event:${event}`],
};

function ofSubject({ subject }: Extract<Leaf, { subject: unknown }>): string[] {
  return changesOf(subject.field);
}

/** The names under which a change of the field's value is told. */
export function changesOf(field: Field): string[] {
  const names = plainNamesOf(field);
  return field.entity === 'company' ? [...names.map((name) => `company.${name}`), 'company_id'] : names;
}

function plainNamesOf(field: Field): string[] {
  if (field.kind === 'derived') return [derived[field.name].from, derived[field.name].fallback];
  if (field.kind === 'custom') return [changedKey(field.tokens[0] ?? '')];
  return [field.name];
}
