import type { JsonValue } from '../../filter/explain/show.js';
import { printFilter } from '../../filter/print.js';
import type { JsonFilter } from '../../filter/print.js';
import type { Filter } from '../../filter/tree.js';

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
  /** The same for a program; null where nobody can say which value to send, or nothing is to be done. */
  readonly change: Change | null;
}

/** What a suggestion says to do. */
export type Change =
  /** Write `clause` where `path` points to in the filter. */
  | { readonly kind: 'replace'; readonly clause: JsonFilter }
  /** Send these values, by the `var` of their field, to whoever has none; of a company all that is asked of one. */
  | { readonly kind: 'send'; readonly values: Readonly<Record<string, JsonValue>> };

/** A suggestion before its gain is counted where it changes the filter. */
export interface Draft extends Suggestion {
  /** The clause in the place of the one at `path`; its gain is counted by asking the changed filter. */
  readonly counted: Filter | null;
  /** Whether it is told only where it gains somebody. */
  readonly tentative: boolean;
}

export type SuggestionCode =
  | 'nobody_here'
  | 'send_trait'
  | 'no_fallback'
  | 'no_company'
  | 'kept_by_muster'
  | 'send_event'
  | 'other_name'
  | 'other_shape'
  | 'letter_case'
  | 'other_type'
  | 'not_a_time'
  | 'outside_window'
  | 'other_value'
  | 'other_segment'
  | 'leave_out'
  | 'several_clauses';

type Said = Pick<Draft, 'path' | 'code' | 'text' | 'people' | 'gain'>;

/** A suggestion whose gain is what it could be at most, and which changes nothing by itself. */
export function atMost(said: Said, change: Change | null = null): Draft {
  return { ...said, exact: false, change, counted: null, tentative: false };
}

/** A suggestion whose gain is known. */
export function exactly(said: Said, change: Change | null = null): Draft {
  return { ...said, exact: true, change, counted: null, tentative: false };
}

/** A suggestion to write another clause, of which the gain is to be counted. */
export function toCount(said: Omit<Said, 'gain'>, counted: Filter, tentative = false): Draft {
  return {
    ...said,
    gain: null,
    exact: true,
    change: { kind: 'replace', clause: printFilter(counted) },
    counted,
    tentative,
  };
}
