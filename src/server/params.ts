import { refuse } from '../errors/index.js';
import { described, shown } from '../filter/parse/context.js';

/**
 * Refuses a part of the address, or of its query, that no stored text can be equal to, before it reaches a statement as a
 * parameter, where it would be an error of the database. Error: `bad_request`.
 */
export function refuseUnstorable(parts: unknown): void {
  if (typeof parts !== 'object' || parts === null) return;
  // A part of the query that stands twice is a list.
  for (const value of Object.values(parts).flat()) {
    if (typeof value === 'string' && (value.includes('\u0000') || /\p{Surrogate}/u.test(value)))
      refuse('bad_request', { reason: 'the address holds a character that cannot be stored' });
  }
}

/**
 * The body under the key in the address, which it may leave out. Each of the body's own problems is for its reader to tell.
 * Error: `key_differs`.
 */
export function underKey(
  body: Readonly<Record<string, unknown>>,
  address: string,
): Readonly<Record<string, unknown>> {
  const key = Object.hasOwn(body, 'key') ? body['key'] : address;
  // Never `String` of what was sent: a list that is nested deeply enough ends the stack.
  const text = typeof key === 'string' ? shown(key) : described(key);
  if (key !== address) refuse('key_differs', { key: text, address }, { path: '/key' });
  return { ...body, key };
}
