import { clauseFindings } from './lint/clauses.js';
import { duplicates } from './lint/duplicates.js';
import type { Finding } from './lint/finding.js';
import { lowerFinding } from './lint/lower.js';
import { possible } from './lint/possible.js';
import { sentence } from './sentence.js';
import type { Moment } from './time.js';
import type { Filter, Not } from './tree.js';

export type { Finding, FindingCode } from './lint/finding.js';

/**
 * What about a filter is probably not meant, by the filter alone: clauses that contradict each other, windows that nothing lies
 * in, parts that hold for everybody, clauses that are there twice. Sound: a `contradiction` and an `empty_window` match nobody
 * at that moment, what is `always_true` matches everybody, and a duplicate can go without changing a verdict. Not complete.
 *
 * Each fault is told at the smallest part that has it.
 */
export function lintFilter(filter: Filter, moment: Moment): Finding[] {
  const found: Finding[] = [];
  walk(filter, moment, found);
  return [...found, ...duplicates(filter), ...clauseFindings(filter)];
}

/** Answers whether a fault was told at the node or below it. */
function walk(filter: Filter, moment: Moment, found: Finding[]): boolean {
  const below = innerOf(filter).map((inner) => walk(inner, moment, found));
  if (below.includes(true) || filter.kind === 'everyone' || filter.kind === 'not')
    return below.includes(true);
  if (possible(filter, moment) === null) found.push(impossible(filter));
  else if (possible(filter, moment, true) === null) found.push(certain(filter));
  else return false;
  return true;
}

/** The clauses inside of one; those of `where` are about an event, and what holds for every person holds for every event. */
function innerOf(filter: Filter): readonly Filter[] {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.operands;
  if (filter.kind === 'did') return filter.where === null ? [] : [filter.where];
  return filter.kind === 'not' ? [filter.operand] : [];
}

function impossible(filter: Exclude<Filter, Not>): Finding {
  const words = sentence(filter);
  const folded = filter.kind === 'and' || filter.kind === 'or' ? null : lowerFinding(filter);
  if (folded !== null) return folded;
  if (filter.kind === 'and' || filter.kind === 'or') {
    return {
      code: 'contradiction',
      severity: 'error',
      path: filter.path,
      message: `nobody can match "${words}": its clauses contradict each other`,
      hint: 'leave one of them out, or join them by "or"',
    };
  }
  return {
    code: 'empty_window',
    severity: 'error',
    path: filter.path,
    message: `nothing lies in "${words}"`,
    hint: 'write the earlier or smaller end first; `ago` of more days is earlier',
  };
}

function certain(filter: Filter): Finding {
  return {
    code: 'always_true',
    severity: 'warning',
    path: filter.path,
    message: `everybody matches "${sentence(filter)}"`,
    hint: 'leave it out, or write {"everyone": true} where the whole audience is meant',
  };
}
