import { printFilter } from '../print.js';
import { sentence } from '../sentence.js';
import type { Filter } from '../tree.js';
import type { Finding } from './finding.js';

/**
 * Clauses that stand beside an equal one, or that an `and` inside an `and` (an `or` inside an `or`) has already: each can go
 * without changing a verdict. The first of them is not told.
 */
export function duplicates(filter: Filter): Finding[] {
  if (filter.kind === 'not') return duplicates(filter.operand);
  if (filter.kind === 'did') return filter.where === null ? [] : duplicates(filter.where);
  if (filter.kind !== 'and' && filter.kind !== 'or') return [];
  const seen = new Map<string, Filter>();
  const { kind } = filter;
  const inChain = (operands: readonly Filter[]): Finding[] =>
    operands.flatMap((operand) => {
      // One that is left alone cannot go: an empty list is refused.
      if (operand.kind === kind && operand.operands.length > 1) return inChain(operand.operands);
      const key = JSON.stringify(printFilter(operand));
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, operand);
        return duplicates(operand);
      }
      return [duplicate(operand, first)];
    });
  return inChain(filter.operands);
}

function duplicate(filter: Filter, first: Filter): Finding {
  return {
    code: 'duplicate_clause',
    severity: 'warning',
    path: filter.path,
    message: `"${sentence(filter)}" stands at \`${first.path}\` already`,
    hint: 'leave one of them out',
  };
}
