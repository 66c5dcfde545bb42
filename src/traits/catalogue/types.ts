/** What a value in the catalogue is: the JSON types, and the times of dedicated columns. ISO 8601 text in a custom trait is text. */
export type TraitType = 'text' | 'number' | 'boolean' | 'list' | 'object' | 'time';

/** The types that a custom trait may be declared to have. */
export const declarableTypes = ['text', 'number', 'boolean', 'list', 'object'] as const;
export type DeclarableType = (typeof declarableTypes)[number];

/** Whose trait it is: the same key of users and of companies makes two entries. */
export type TraitEntity = 'user' | 'company';

export interface TypeCount {
  readonly type: TraitType;
  /** How many people or companies have a value of this type now; 0 when it was seen and nobody has it any more. */
  readonly count: number;
}

export interface CommonValue {
  /** The value; a text, list or object of more than 100 characters is a text cut there, with an ellipsis. */
  readonly value: unknown;
  /** People or companies that have it; exact or estimated as `values_exact` says. */
  readonly count: number;
}

/** One trait that was sent or declared. All counts are of the present; removing a trait takes it out of them. */
export interface CataloguedTrait {
  readonly key: string;
  readonly entity: TraitEntity;
  /** By count, largest first. */
  readonly types: readonly TypeCount[];
  /** People (or companies) that have it now, visitors without a user id included. Exact. */
  readonly users: number;
  /**
   * Up to ten values that at least two people have, or all values where there are at most ten, most frequent first.
   * Empty for names, e-mail addresses, times, and traits that nearly everybody has a value of their own of.
   */
  readonly common_values: readonly CommonValue[];
  /** Whether everybody was looked at for `common_values`, or a sample, from which the counts are then estimated. */
  readonly values_exact: boolean;
  /** What its values should be; a dedicated column has its own type. Null when nobody declared one. */
  readonly declared_type: TraitType | null;
  /** People whose value has another type than the declared one. Exact. */
  readonly mismatches: number;
  /** ISO 8601 in UTC: when a value of it first arrived; null when it was declared and never sent. */
  readonly first_seen: string | null;
  /** When one last arrived, changed or not; a minute late at most. */
  readonly last_seen: string | null;
}
