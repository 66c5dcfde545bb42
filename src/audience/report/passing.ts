import type { JsonValue } from '../../filter/explain/show.js';
import type { Field } from '../../filter/fields.js';
import { compilePredicate } from '../../filter/predicate.js';
import type { UserRecord } from '../../filter/record.js';
import type { Moment } from '../../filter/time.js';
import type { Leaf } from '../../filter/tree.js';
import type { FieldValues } from '../statements/values.js';

/** The values of the leaf's field without those that pass the leaf, which are not what keeps anybody out. */
export function notPassing(values: FieldValues, leaf: Leaf, field: Field, moment: Moment): FieldValues {
  const passes = compilePredicate(leaf, moment);
  return { ...values, values: values.values.filter(({ value }) => !passes(having(field, value))) };
}

/** Somebody of whom this one value is known. */
export function having(field: Field, value: JsonValue): UserRecord {
  const columns =
    field.kind === 'custom' ? { custom_fields: within(field.tokens, value) } : { [field.name]: value };
  return field.entity === 'company' ? { company: columns } : columns;
}

function within(tokens: readonly string[], value: unknown): Record<string, unknown> {
  const [first = '', ...rest] = tokens;
  return { [first]: rest.length === 0 ? value : within(rest, value) };
}
