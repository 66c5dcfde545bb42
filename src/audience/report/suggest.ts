import { nameOf } from '../../filter/fields.js';
import type { Failure } from '../../filter/explain/reason.js';
import { chainOf, gainOf } from '../../filter/funnel.js';
import type { Funnel } from '../../filter/funnel.js';
import { sentence } from '../../filter/sentence.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import type { TallyGroup } from '../statements/tally.js';
import type { FieldValues } from '../statements/values.js';
import { notPassing } from './passing.js';
import { reasonWriters } from './reasons.js';
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
  groups: readonly TallyGroup[],
  funnel: Funnel,
  values: readonly FieldValues[],
  moment: Moment,
): Suggestion[] {
  if (funnel.total === 0) return [nobodyHere];
  const found = [
    ...leavesOf(filter).flatMap(({ leaf, negated }, index) =>
      negated ? [] : aboutLeaf({ filter, groups, values, moment, leaf, index }),
    ),
    ...(funnel.matched === 0 ? leftOut(filter, groups, funnel) : []),
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
  readonly filter: Filter;
  readonly groups: readonly TallyGroup[];
  readonly values: readonly FieldValues[];
  readonly moment: Moment;
  readonly leaf: Leaf;
  readonly index: number;
}

/** One suggestion for each reason for which people fail the leaf. */
function aboutLeaf({ filter, groups, values, moment, leaf, index }: Asked): Suggestion[] {
  const field = fieldOf(leaf);
  const listed = field === null ? undefined : values.find((each) => each.field === nameOf(field));
  const others = field === null || listed === undefined ? undefined : notPassing(listed, leaf, field, moment);
  const total = groups.reduce((sum, { people }) => sum + people, 0);
  return reasonWriters.flatMap(([reason, write]) => {
    const failing = groups.filter(({ reasons }) => reasons[index] === reason);
    const people = failing.reduce((sum, group) => sum + group.people, 0);
    if (people === 0) return [];
    const examples = failing.map(({ examples: each }) => each[index] ?? []);
    const gain = gainOf(filter, groups, { clause: leaf, negated: false }, failedFor(index, reason));
    return write({ leaf, field, people, everybody: people === total, examples, values: others, gain });
  });
}

const failedFor = (index: number, reason: Failure) => (group: TallyLike) => group.reasons[index] === reason;
type TallyLike = Pick<TallyGroup, 'reasons'>;

/** What each clause costs by itself. Where no single one does, several together empty the audience. */
function leftOut(filter: Filter, groups: readonly TallyGroup[], funnel: Funnel): Suggestion[] {
  const chain = chainOf(filter);
  if (chain.length < 2) return [];
  const found = chain.flatMap((each): Suggestion[] => {
    const gain = gainOf(filter, groups, each);
    if (gain === 0) return [];
    const { path } = each.clause;
    const words = each.negated ? `not (${sentence(each.clause)})` : sentence(each.clause);
    const text = `Without the clause "${words}", ${peopleWords(gain)} would match.`;
    return [{ path, code: 'leave_out', text, people: gain, gain, exact: true }];
  });
  if (found.length > 0) return found;
  const text = `No single clause empties this audience: ${grouped(chain.length)} have to hold together, and everybody fails at least two of them.`;
  return [{ path: '', code: 'several_clauses', text, people: funnel.total, gain: 0, exact: true }];
}
