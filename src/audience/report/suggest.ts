import { nameOf } from '../../filter/fields.js';
import type { Failure } from '../../filter/explain/reason.js';
import { possible } from '../../filter/lint/possible.js';
import { noFailures } from '../../filter/funnel/failures.js';
import { subjectOf } from '../../filter/funnel/subjects.js';
import type { Funnel, StepCount } from '../../filter/funnel.js';
import { sentence } from '../../filter/sentence.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import type { Moment } from '../../filter/time.js';
import { inSlices } from '../../loop/slices.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import type { FieldValues } from '../statements/values.js';
import { notPassing } from './passing.js';
import { reasonWriters } from './reasons.js';
import { senderFor } from './sending.js';
import type { Sender } from './sending.js';
import type { ReportCount } from './count.js';
import { replacing } from './changes.js';
import { exactly } from './suggestion.js';
import type { Draft, Suggestion } from './suggestion.js';
import { otherName, otherShape } from './ways.js';
import type { Known } from '../advice/known.js';
import { grouped, peopleWords } from './words.js';

/** Most suggestions that one report makes. */
const most = 10;

export interface Asked {
  readonly filter: Filter;
  readonly count: ReportCount;
  readonly funnel: Funnel;
  readonly values: readonly FieldValues[];
  readonly moment: Moment;
  /** What the workspace sends; null where somebody has all that is asked about. */
  readonly known: Known | null;
}

/** What might let people match, found in slices. What changes the filter is still to be counted. */
export async function draftsFor(asked: Asked): Promise<Draft[]> {
  const { filter, count, funnel } = asked;
  if (funnel.total === 0) return [nobodyHere];
  const told = new Set<string>();
  const sender = senderFor(filter, asked.moment);
  const leaves = leavesOf(filter);
  await inSlices(leaves.entries(), ([index, { leaf }]) => {
    const field = fieldOf(leaf);
    const failed = count.leaves[index]?.failed ?? noFailures();
    if (field !== null && failed.missing + failed.type_mismatch > 0) sender.learn(field);
  });
  const drafts: Draft[] = [];
  await inSlices(leaves.entries(), ([index, { leaf, negated }]) => {
    if (!negated) drafts.push(...aboutLeaf({ ...asked, sender }, leaf, index, told));
  });
  return [
    // Whatever is sent, a contradiction stays one.
    ...(possible(filter, asked.moment) === null ? drafts.map(gainless) : drafts),
    ...(funnel.matched === 0 ? leftOut(count.steps, funnel) : []),
  ];
}

function gainless(draft: Draft): Draft {
  return draft.exact || draft.gain === null ? draft : { ...draft, gain: 0 };
}

/**
 * The nearest change first: what is known to gain somebody, then what concerns the clause that empties the audience, then
 * whatever may gain the most.
 */
export function ranked(drafts: readonly Draft[], { emptied_by: emptied }: Funnel): Suggestion[] {
  const ranks = (each: Draft): number[] => [
    Number(each.exact && each.gain !== 0 && each.code !== 'leave_out'),
    Number(emptied !== null && each.path.startsWith(emptied)),
    // What is wrong comes before what could be given up.
    Number(each.code !== 'leave_out'),
    each.gain ?? each.people,
    each.people,
  ];
  return drafts
    .filter(({ tentative, gain }) => !tentative || (gain ?? 0) > 0)
    .toSorted((a, b) => compareRanks(ranks(b), ranks(a)))
    .slice(0, most)
    .map(({ path, code, text, people, gain, exact, change }) => ({
      path,
      code,
      text,
      people,
      gain,
      exact,
      change,
    }));
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  return a.map((rank, index) => rank - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

const nobodyHere: Draft = exactly({
  path: '',
  code: 'nobody_here',
  text: 'There is nobody in the workspace yet: call identify, or import people.',
  people: 0,
  gain: 0,
});

/** What is sent is the same for each leaf that asks about it, so it is told of the first of them, with the gain of all. */
const ofSubject: ReadonlySet<Failure> = new Set(['missing', 'type_mismatch', 'unparsable_time']);

/** One suggestion for each reason for which people fail the leaf. */
function aboutLeaf(
  asked: Asked & { readonly sender: Sender },
  leaf: Leaf,
  index: number,
  told: Set<string>,
): Draft[] {
  const { sender, count, funnel, values, moment } = asked;
  const field = fieldOf(leaf);
  const listed = field === null ? undefined : values.find((each) => each.field === nameOf(field));
  const others = field === null || listed === undefined ? undefined : notPassing(listed, leaf, field, moment);
  const subject = subjectOf(leaf);
  const { failed, gains } = count.leaves[index] ?? { failed: noFailures(), gains: noFailures() };
  const passing = funnel.total - Object.values(failed).reduce((sum, people) => sum + people, 0);
  const drafts = reasonWriters.flatMap(([reason, write]) => {
    const people = failed[reason];
    const once = `${reason} ${field === null ? subject : nameOf(field)}`;
    if (people === 0 || (ofSubject.has(reason) && told.has(once))) return [];
    told.add(once);
    // Another letter case is a change of the one clause; another value is one of all that ask about it.
    const shared = subject === null || reason === 'case_mismatch' ? undefined : count.subjects.get(subject);
    const gain = shared?.[reason] ?? gains[reason];
    const examples = count.examplesOf(index, reason);
    const everybody = people === funnel.total;
    return write({ leaf, field, people, passing, everybody, examples, values: others, gain, sender });
  });
  return [...drafts, ...otherWays(asked, leaf, failed, others)];
}

/** The clause written in another way: about the name that is meant, or about the shape that values have. */
function otherWays(
  { known, funnel }: Asked,
  leaf: Leaf,
  failed: Readonly<Record<Failure, number>>,
  values: FieldValues | undefined,
): Draft[] {
  const all = Object.values(failed).reduce((sum, people) => sum + people, 0);
  // Who did an event of the name fails by another number of those that are asked for.
  const nobody = (leaf.kind === 'did' ? all : failed.missing) === funnel.total;
  const shapeless = failed.type_mismatch + failed.different;
  return [
    ...(nobody && known !== null ? otherName(leaf, all, known) : []),
    ...(shapeless > 0 ? otherShape(leaf, shapeless, values) : []),
  ];
}

/** What each clause costs by itself. Where no single one does, several together empty the audience. */
function leftOut(steps: readonly StepCount[], funnel: Funnel): Draft[] {
  if (steps.length < 2) return [];
  const found = steps.flatMap(({ clause, negated, gain }): Draft[] => {
    if (gain === 0) return [];
    const { path } = clause;
    const words = negated ? `not (${sentence(clause)})` : sentence(clause);
    const text = `Without the clause "${words}", ${peopleWords(gain)} would match.`;
    const everyone: Filter = { kind: 'everyone', path };
    const instead: Filter = negated ? { kind: 'not', path, operand: everyone } : everyone;
    return [exactly({ path, code: 'leave_out', text, people: gain, gain }, replacing(instead))];
  });
  if (found.length > 0) return found;
  const text = `No single clause empties this audience: ${grouped(steps.length)} have to hold together, and everybody fails at least two of them.`;
  return [exactly({ path: '', code: 'several_clauses', text, people: funnel.total, gain: 0 })];
}
