/** The traits that Muster knows by name: which column each goes to, what it may hold, and which names are taken. */

/** What a known trait's column holds. */
export type KnownTraitKind = 'text' | 'time' | 'boolean' | 'choice';

export interface KnownTrait {
  readonly kind: KnownTraitKind;
  /** Which table has the column; a company's `email` is a custom field. */
  readonly of: 'user' | 'both';
  /** The allowed values of a `choice`. */
  readonly values?: readonly string[];
}

const terms = ['monthly', 'quarterly', 'annual', 'bi_annual'] as const;

export const knownTraits = {
  name: { kind: 'text', of: 'both' },
  email: { kind: 'text', of: 'user' },
  signed_up_at: { kind: 'time', of: 'both' },
  renewal_status: {
    kind: 'choice',
    of: 'both',
    values: [
      'up_for_renewal',
      'in_progress',
      'likely_to_renew',
      'expansion_opportunity',
      'set_to_cancel',
      'set_to_cancel_trial',
      'at_risk',
      'renewed',
      'lost',
    ],
  },
  renewal_date: { kind: 'time', of: 'both' },
  contract_term: { kind: 'choice', of: 'both', values: terms },
  payment_terms: { kind: 'choice', of: 'both', values: terms },
  on_contract: { kind: 'boolean', of: 'both' },
} as const satisfies Record<string, KnownTrait>;

export type KnownTraitName = keyof typeof knownTraits;

export const knownTraitNames: readonly KnownTraitName[] = Object.keys(knownTraits).filter(isKnownTraitName);

function isKnownTraitName(key: string): key is KnownTraitName {
  return Object.hasOwn(knownTraits, key);
}

/** The known trait of that name, or null when the trait is a custom field of this kind of row. */
export function knownTrait(key: string, of: 'user' | 'company' = 'user'): KnownTrait | null {
  if (!isKnownTraitName(key)) return null;
  const known: KnownTrait = knownTraits[key];
  return known.of === 'both' || known.of === of ? known : null;
}

/** Names that no caller may write, each with what to do instead. */
const reserved: ReadonlyMap<string, string> = new Map([
  ['id', 'leave it out; send your own id as `user_id`, outside the traits'],
  ['created_at', 'leave it out; the date of the signup in your product is `signed_up_at`'],
  ['updated_at', 'leave it out; Muster keeps it whenever the row changes'],
  ['first_seen', 'leave it out; Muster keeps it. The date of the signup in your product is `signed_up_at`'],
  [
    'last_seen',
    'leave it out; each identify moves it. A date of your own needs another name, such as `last_login`',
  ],
  ['last_contacted_at', 'leave it out; Muster keeps it whenever a message is sent'],
  ['customer_for', 'leave it out; it is counted from `signed_up_at` when it is read'],
]);

/** What to use in place of a reserved name, or null when the name is free. */
export function insteadOfReserved(key: string): string | null {
  return reserved.get(key) ?? null;
}

/** Bounds of what is taken in. Each has its own error. */
export const traitLimits = {
  /** UTF-8 bytes of the whole traits as JSON. */
  traitsBytes: 32_768,
  /** UTF-8 bytes of a known text trait; a filter's literal can be as long. */
  textBytes: 1024,
  /** Levels of lists and objects inside one custom value. */
  depth: 64,
  /** UTF-8 bytes of `user_id`, `anonymous_id` and `company_id`. */
  idBytes: 512,
  /** Problems reported at once; beyond it the report stops. */
  problems: 100,
} as const;
