/** One thing that would let people match, or says why they do not. */
export interface Suggestion {
  /** JSON Pointer of the clause that it is about; empty where it is about the whole. */
  readonly path: string;
  readonly code: SuggestionCode;
  /** In English, whole sentences. */
  readonly text: string;
  /** People whom it is about. */
  readonly people: number;
  /** How many more would match the whole filter; null where nobody can know before. */
  readonly gain: number | null;
  /** Whether `gain` is exact, or as many as it could be at most. */
  readonly exact: boolean;
}

export type SuggestionCode =
  | 'nobody_here'
  | 'send_trait'
  | 'no_fallback'
  | 'no_company'
  | 'kept_by_muster'
  | 'send_event'
  | 'letter_case'
  | 'other_type'
  | 'not_a_time'
  | 'outside_window'
  | 'other_value'
  | 'other_segment'
  | 'leave_out'
  | 'several_clauses';
