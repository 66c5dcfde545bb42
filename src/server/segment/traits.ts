import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { described, isObject } from '../../filter/parse/context.js';
import { collectId } from '../../traits/ids.js';
import { storableTraits } from '../../traits/storable.js';
import type { Storable } from '../../traits/storable.js';
import { isoOf } from './times.js';

const signupNames = ['createdAt', 'created_at'] as const;

/**
 * Traits of Segment's clients, by the names that they have here and without what cannot be stored:
 *
 * - `id` repeats the user's or group's own id, and is left out;
 * - `createdAt` and `created_at` say when the account was made, which is `signed_up_at` here: the value goes there when it
 *   is a time and `signed_up_at` is not sent itself. `createdAt` that is no time stays a custom trait, and is told.
 */
export function storableMapped(traits: unknown, of: 'user' | 'company', path = '/traits'): Storable {
  if (!isObject(traits)) return storableTraits(traits, { of, path });
  const mapped: Record<string, unknown> = { __proto__: null };
  let signedUpAt: string | undefined;
  for (const key of Object.keys(traits)) {
    const value = traits[key];
    const time = signupNames.some((name) => name === key) ? isoOf(value) : null;
    if (time !== null) signedUpAt ??= time;
    else if (key !== 'id') mapped[key] = value;
  }
  if (signedUpAt !== undefined && !('signed_up_at' in mapped)) mapped['signed_up_at'] = signedUpAt;
  const { values, refused } = storableTraits(mapped, { of, path });
  const unread = 'signed_up_at' in mapped ? [] : unreadSignup(mapped['createdAt'], path);
  return { values, refused: [...refused, ...unread] };
}

function unreadSignup(value: unknown, path: string): Problem[] {
  if (value === undefined || value === null || value === '') return [];
  const key = 'createdAt';
  return [problem('trait_not_time', { key, got: described(value) }, { path: `${path}/${key}` })];
}

/** The company that a person's traits name, and the traits without it. */
export interface WithCompany {
  readonly traits: unknown;
  readonly company?: { readonly id: string; readonly traits: unknown };
  readonly refused: readonly Problem[];
}

export const companyPath = '/traits/company';

/** Takes `company: { id, ... }` out of a person's traits. A company without an id stays a trait. */
export function splitCompany(traits: unknown): WithCompany {
  const said = isObject(traits) && Object.hasOwn(traits, 'company') ? traits['company'] : undefined;
  const id = isObject(said) && Object.hasOwn(said, 'id') ? (said['id'] ?? '') : '';
  if (!isObject(traits) || !isObject(said) || id === '') return { traits, refused: [] };
  const { company: _, ...rest } = traits;
  const problems: Problem[] = [];
  const companyId = collectId('id', typeof id === 'number' ? String(id) : id, problems, companyPath);
  if (problems.length > 0) return { traits: rest, refused: problems };
  const { values, refused } = storableMapped(said, 'company', companyPath);
  const isBare = !isObject(values) || Object.keys(values).length === 0;
  return { traits: rest, company: { id: companyId, traits: isBare ? undefined : values }, refused };
}
