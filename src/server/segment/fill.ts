import { zoneNamed } from '../../filter/offsets.js';
import { isObject } from '../../filter/parse/context.js';
import { storableTraits } from '../../traits/storable.js';

/** The custom traits that hold a person's zone and language in a workspace. */
export interface PersonTraits {
  readonly zone: string;
  readonly language: string;
}

/**
 * What a call says of a person beside their traits, which is set where the person has nothing of the kind: the zone and
 * the language of their device, and a name of `firstName` and `lastName`. What cannot be stored is left out: it is a
 * by-product, and stands in what was sent under its own name.
 */
export function filledBy(
  traits: unknown,
  context: Readonly<Record<string, unknown>> | undefined,
  names: PersonTraits,
): unknown {
  const fill: Record<string, unknown> = { __proto__: null };
  const { timezone, locale } = context ?? {};
  const zone = typeof timezone === 'string' ? zoneNamed(timezone) : null;
  if (zone !== null) fill[names.zone] = zone;
  if (typeof locale === 'string' && isLocale(locale)) fill[names.language] = locale;
  const name = nameOf(traits);
  if (name !== null) fill['name'] = name;
  return storableTraits(fill).values;
}

/** `en`, `pt-BR`, `zh_Hant_TW`. */
const isLocale = (text: string): boolean => /^[a-z]{2,3}(?:[-_][a-z0-9]{2,8}){0,4}$/i.test(text);

function nameOf(traits: unknown): string | null {
  const part = (key: string): string => {
    const value = isObject(traits) && Object.hasOwn(traits, key) ? traits[key] : undefined;
    return typeof value === 'string' ? value.trim() : '';
  };
  const [first, last] = [part('firstName'), part('lastName')];
  return first === '' || last === '' ? null : `${first} ${last}`;
}
