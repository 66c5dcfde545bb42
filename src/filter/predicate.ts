import type { Moment } from './time.js';
import { read } from './tree.js';
import type { Filter } from './tree.js';
import type { Predicate } from './predicate/compiled.js';
import { compilers } from './predicate/compilers.js';

export type { Predicate } from './predicate/compiled.js';

/**
 * Compiles a filter to a function over one user record, equal in meaning to the SQL of the same filter.
 *
 * Relative times are resolved here, once, against `moment`: a predicate describes that instant and does not age.
 * It is made of closures chosen by field, operator and literal type; no code is generated.
 *
 * @param filter a parsed filter
 * @param moment the evaluation's clock, from `momentOf(now, zone)`
 */
export function compilePredicate(filter: Filter, moment: Moment): Predicate {
  return read(compilers, filter, moment).test;
}
