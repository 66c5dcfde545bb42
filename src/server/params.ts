import { refuse } from '../errors/index.js';

/**
 * Refuses a part of the address that no stored text can be equal to, before it reaches a statement as a parameter,
 * where it would be an error of the database. Error: `bad_request`.
 */
export function refuseUnstorable(params: unknown): void {
  if (typeof params !== 'object' || params === null) return;
  for (const value of Object.values(params)) {
    if (typeof value === 'string' && (value.includes('\u0000') || /\p{Surrogate}/u.test(value)))
      refuse('bad_request', { reason: 'the address holds a character that cannot be stored' });
  }
}
