import type { Field } from '../fields.js';
import type { LiteralType } from '../tree.js';
import type { UserRecord } from '../record.js';

/** Whether the filter matches this user. Never throws, whatever the record holds. */
export type Predicate = (user: UserRecord) => boolean;

export interface Compiled {
  readonly test: Predicate;
  /** Rough cost of one call, in units of reading a value and comparing it. */
  readonly cost: number;
}

/** Costs of one call, as measured against reading a value and comparing it; only their order matters. */
export const cost = { read: 1, column: 2, fold: 3, search: 3, list: 5, parse: 12, hash: 20 } as const;

/** What cannot match anyone, such as a text against a time column. */
export const never: Compiled = { test: () => false, cost: 0 };

/** Whether the field can hold values of this type: a custom field holds any, a dedicated one only its own. */
export function canHold(field: Field, type: LiteralType): boolean {
  return field.kind === 'custom' || field.type === type;
}
