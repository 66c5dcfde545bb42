import { parseIso } from '../../filter/iso8601.js';
import { isObject } from '../../filter/parse/context.js';
import { insteadOfReserved } from '../../traits/known-traits.js';

export interface MappedTraits {
  readonly traits: unknown;
  /** Reserved names that were left out; `id` is not counted, since it repeats the id beside it. */
  readonly dropped: readonly string[];
}

const signupNames = ['createdAt', 'created_at'] as const;

/**
 * Makes traits of Segment's clients ready for Muster's rule of reserved names, without losing a call to it:
 *
 * - `id` repeats the user's or group's own id, and is left out;
 * - `createdAt` and `created_at` say when the account was made, which is `signed_up_at` here: the value goes there when it
 *   is a time and `signed_up_at` is not sent itself. `createdAt` that is no time stays a custom trait;
 * - the other reserved names (`updated_at`, `first_seen`, `last_seen`, `last_contacted_at`, `customer_for`) are left out
 *   and reported to the log.
 */
export function mapTraits(traits: unknown): MappedTraits {
  if (!isObject(traits)) return { traits, dropped: [] };
  const mapped: Record<string, unknown> = { __proto__: null };
  const dropped: string[] = [];
  let signedUpAt: unknown;
  for (const key of Object.keys(traits)) {
    const value = traits[key];
    const isSignup = signupNames.some((name) => name === key);
    if (isSignup && isTime(value)) signedUpAt ??= value;
    else if (insteadOfReserved(key) === null) mapped[key] = value;
    else if (key !== 'id') dropped.push(key);
  }
  if (signedUpAt !== undefined && !('signed_up_at' in mapped)) mapped['signed_up_at'] = signedUpAt;
  return { traits: mapped, dropped };
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && parseIso(value) !== null;
}
