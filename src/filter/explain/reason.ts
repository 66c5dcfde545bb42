/**
 * Why a condition holds or does not. `case_mismatch`: it would hold if A to Z were a to z on both sides.
 * `outside_window`: the value is a time, but not one that was asked for. `different`: a value of the right type, but another.
 */
export const reasons = [
  'matched',
  'missing',
  'type_mismatch',
  'case_mismatch',
  'unparsable_time',
  'outside_window',
  'different',
] as const;

export type Reason = (typeof reasons)[number];

/** Why a condition does not hold. */
export type Failure = Exclude<Reason, 'matched'>;

/**
 * From the nearest miss to the farthest. Where several things would do and none does, the nearest miss is the reason: a
 * value of the right type says more than one of another.
 */
export const nearness: readonly Failure[] = [
  'case_mismatch',
  'outside_window',
  'different',
  'unparsable_time',
  'type_mismatch',
  'missing',
];
