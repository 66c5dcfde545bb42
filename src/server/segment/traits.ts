import { parseIso } from '../../filter/iso8601.js';
import { isObject } from '../../filter/parse/context.js';

const signupNames = ['createdAt', 'created_at'] as const;

/**
 * Gives traits of Segment's clients the names that they have here:
 *
 * - `id` repeats the user's or group's own id, and is left out;
 * - `createdAt` and `created_at` say when the account was made, which is `signed_up_at` here: the value goes there when it
 *   is a time and `signed_up_at` is not sent itself. `createdAt` that is no time stays a custom trait.
 */
export function mapTraits(traits: unknown): unknown {
  if (!isObject(traits)) return traits;
  const mapped: Record<string, unknown> = { __proto__: null };
  let signedUpAt: unknown;
  for (const key of Object.keys(traits)) {
    const value = traits[key];
    if (signupNames.some((name) => name === key) && isTime(value)) signedUpAt ??= value;
    else if (key !== 'id') mapped[key] = value;
  }
  if (signedUpAt !== undefined && !('signed_up_at' in mapped)) mapped['signed_up_at'] = signedUpAt;
  return mapped;
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && parseIso(value) !== null;
}
