/** Something about a definition that is probably not meant. */
export interface Finding {
  readonly code: FindingCode;
  /** `error`: it cannot do what it says. `warning`: it does it in a way that is probably not meant. */
  readonly severity: 'error' | 'warning';
  /** JSON Pointer in the document. */
  readonly path: string;
  /** Lower case, no full stop, as in an error. */
  readonly message: string;
  readonly hint: string;
}

export type FindingCode =
  | 'contradiction'
  | 'empty_window'
  | 'always_true'
  | 'duplicate_clause'
  | 'unreachable_step'
  | 'cycle_without_wait'
  | 'unreachable_arm'
  | 'unreachable_branch'
  | 'column_as_custom'
  | 'never_lower_case'
  | 'comma_in_item'
  | 'one_text_for_list'
  | 'unseen_characters'
  | 'text_order'
  | 'or_of_unequals'
  | 'any_event'
  | 'day_as_end'
  | 'today_of_workspace'
  | 'trait_never_sent'
  | 'event_never_sent'
  | 'property_never_sent'
  | 'shape_never_matches'
  | 'type_never_sent'
  | 'letter_case_never_sent'
  | 'value_never_sent'
  | 'date_never_comes'
  | 'date_unreadable';
