import type { UserRecord } from '../../src/filter/record.js';
import { isObject } from '../../src/filter/values.js';

/** A user with these custom fields, written as JSON so that `__proto__` becomes a key like any other. */
export function withTraits(json: string): UserRecord {
  return untyped({ custom_fields: JSON.parse(json) as unknown });
}

/** A record whose values need not have the types that they ought to. */
export function untyped(value: unknown): UserRecord {
  if (!isRecord(value)) throw new TypeError('a record is an object');
  return value;
}

function isRecord(value: unknown): value is UserRecord {
  return isObject(value);
}
