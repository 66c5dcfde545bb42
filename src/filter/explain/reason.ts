/**
 * Why a condition holds or does not. `case_mismatch`: it would hold if A to Z were a to z on both sides.
 * `outside_window`: the value is a time, but not one that was asked for. `different`: a value of the right type, but another.
 */
export type Reason =
  | 'matched'
  | 'missing'
  | 'type_mismatch'
  | 'case_mismatch'
  | 'unparsable_time'
  | 'outside_window'
  | 'different';
