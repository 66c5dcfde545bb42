import { printFilter } from '../../filter/print.js';
import type { Filter } from '../../filter/tree.js';
import type { Change } from './suggestion.js';

/** The filter with another clause at a place; as it was where nothing stands there. */
export function withClause(filter: Filter, path: string, clause: Filter): Filter {
  if (filter.path === path) return clause;
  if (filter.kind === 'not') return { ...filter, operand: withClause(filter.operand, path, clause) };
  if (filter.kind !== 'and' && filter.kind !== 'or') return filter;
  return { ...filter, operands: filter.operands.map((operand) => withClause(operand, path, clause)) };
}

export function replacing(clause: Filter): Change {
  return { kind: 'replace', clause: printFilter(clause) };
}
