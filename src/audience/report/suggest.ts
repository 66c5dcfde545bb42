import { nameOf } from '../../filter/fields.js';
import type { Funnel, StepCount } from '../../filter/funnel.js';
import { sentence } from '../../filter/sentence.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import type { FieldValues } from '../statements/values.js';
import { notPassing } from './passing.js';
import { reasonWriters } from './reasons.js';
import type { ReportCount } from './count.js';
import type { Suggestion } from './suggestion.js';
import { grouped, peopleWords } from './words.js';

/** Most suggestions that one report makes. */
const most = 10;

/**
 * What would let people match, the nearest change first: what is known to gain somebody, then what concerns the clause that
 * empties the audience, then whatever may gain the most.
 */
export function suggestionsFor(
  filter: Filter,
  count: ReportCount,
  funnel: Funnel,
  values: readonly FieldValues[],
  moment: Moment,
): Suggestion[] {
  if (funnel.total === 0) return [nobodyHere];
  const found = [
    ...leavesOf(filter).flatMap(({ leaf, negated }, index) =>
      negated ? [] : aboutLeaf({ count, total: funnel.total, values, moment, leaf, index }),
    ),
    ...(funnel.matched === 0 ? leftOut(count.steps, funnel) : []),
  ];
  const { emptied_by: emptied } = funnel;
  const ranks = (each: Suggestion): number[] => [
    Number(each.exact && each.gain !== 0 && each.code !== 'leave_out'),
    Number(emptied !== null && each.path.startsWith(emptied)),
    // What is wrong comes before what could be given up.
    Number(each.code !== 'leave_out'),
    each.gain ?? each.people,
    each.people,
  ];
  return found.toSorted((a, b) => compareRanks(ranks(b), ranks(a))).slice(0, most);
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  return a.map((rank, index) => rank - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

const nobodyHere: Suggestion = {
  path: '',
  code: 'nobody_here',
  text: 'There is nobody in the workspace yet: call identify, or import people.',
  people: 0,
  gain: 0,
  exact: true,
};

interface Asked {
  readonly count: ReportCount;
  readonly total: number;
  readonly values: readonly FieldValues[];
  readonly moment: Moment;
  readonly leaf: Leaf;
  readonly index: number;
}

/** One suggestion for each reason for which people fail the leaf. */
function aboutLeaf({ count, total, values, moment, leaf, index }: Asked): Suggestion[] {
  const field = fieldOf(leaf);
  const listed = field === null ? undefined : values.find((each) => each.field === nameOf(field));
  const others = field === null || listed === undefined ? undefined : notPassing(listed, leaf, field, moment);
  return reasonWriters.flatMap(([reason, write]) => {
    const people = count.leaves[index]?.failed[reason] ?? 0;
    if (people === 0) return [];
    const gain = count.leaves[index]?.gains[reason] ?? 0;
    const examples = count.examplesOf(index, reason);
    return write({ leaf, field, people, everybody: people === total, examples, values: others, gain });
  });
}

/** What each clause costs by itself. Where no single one does, several together empty the audience. */
function leftOut(steps: readonly StepCount[], funnel: Funnel): Suggestion[] {
  if (steps.length < 2) return [];
  const found = steps.flatMap(({ clause, negated, gain }): Suggestion[] => {
    if (gain === 0) return [];
    const { path } = clause;
    const words = negated ? `not (${sentence(clause)})` : sentence(clause);
    const text = `Without the clause "${words}", ${peopleWords(gain)} would match.`;
    return [{ path, code: 'leave_out', text, people: gain, gain, exact: true }];
  });
  if (found.length > 0) return found;
  const text = `No single clause empties this audience: ${grouped(steps.length)} have to hold together, and everybody fails at least two of them.`;
  return [{ path: '', code: 'several_clauses', text, people: funnel.total, gain: 0, exact: true }];
}
