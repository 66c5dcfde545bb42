import { fieldNamed } from '../../filter/fields.js';
import { parseFilter } from '../../filter/parse.js';
import type { Filter } from '../../filter/tree.js';
import { templateTags } from '../templates.js';
import { onlyVariant } from './grammar.js';
import type { BroadcastDefinition } from './model.js';

/** A merge tag without a fallback: whoever lacks the value reads a gap. */
export interface Variable {
  /** The `var` name of what it reads. */
  readonly field: string;
  readonly variant: string;
  /** JSON Pointer of the text that it stands in. */
  readonly path: string;
}

/** The variables of a broadcast, each once a variant. What a channel fills, and what everybody has, are none. */
export function variablesOf({ variants }: BroadcastDefinition): Variable[] {
  const found = new Map<string, Variable>();
  for (const [index, { key, message }] of variants.entries()) {
    const place = key === onlyVariant ? '/message' : `/variants/${index}/message`;
    for (const [part, text] of Object.entries(message)) {
      for (const { tag, field, fallback } of typeof text === 'string' ? templateTags(text) : []) {
        if (field === null || field === 'customer_for' || fallback !== '') continue;
        // A name that the catalogue does not know is a key of the custom fields, as in the template itself.
        const name = fieldNamed(tag) === null ? `custom:${tag}` : tag;
        const variable = { field: name, variant: key, path: `${place}/${part}` };
        if (!found.has(`${key} ${name}`)) found.set(`${key} ${name}`, variable);
      }
    }
  }
  return [...found.values()];
}

/** The condition of having a value, for each field once. */
export function conditionsOf(variables: readonly Variable[]): { field: string; filter: Filter }[] {
  const fields = [...new Set(variables.map(({ field }) => field))];
  return fields.map((field) => ({ field, filter: parseFilter({ exists: { var: field } }) }));
}
