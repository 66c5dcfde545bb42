import { firstMoment, isDay, orderOf } from '../../filter/day.js';
import type { Failure } from '../../filter/explain/reason.js';
import { mayBeDay } from '../../filter/fields.js';
import { funnelCount } from '../../filter/funnel.js';
import type { FunnelCount } from '../../filter/funnel.js';
import { parseIso } from '../../filter/iso8601.js';
import { literalsOf } from '../../filter/lint/clauses.js';
import { boundOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { inSlices } from '../../loop/slices.js';
import type { Tally } from '../statements/tally.js';
import { ExamplePicker, noExamples } from './examples.js';
import type { Examples, Times } from './examples.js';

/** All that a report tells of people, counted in one pass over the groups of those who are alike. */
export interface ReportCount extends FunnelCount {
  /** Values of those who fail a leaf, by its place in document order, for a reason. */
  examplesOf(leaf: number, reason: Failure): Examples;
}

/** Takes time by the number of groups and the size of the filter, in slices between which the process does other things. */
export async function countReport(filter: Filter, tally: Tally, moment: Moment): Promise<ReportCount> {
  const count = funnelCount(filter);
  const times = leavesOf(filter).map(({ leaf }) => timesOf(leaf, moment));
  const pickers = count.leaves.map(() => new Map<Failure, ExamplePicker>());
  await inSlices(tally.rows, (row) => {
    const group = tally.groupOf(row);
    count.add(group);
    group.reasons.forEach((reason, leaf) => {
      if (reason === 'matched') return;
      const inWindow = reason === 'outside_window' ? (times[leaf] ?? null) : null;
      const picker = pickers[leaf]?.get(reason) ?? new ExamplePicker(inWindow, reason === 'type_mismatch');
      pickers[leaf]?.set(reason, picker);
      picker.add(group.examplesOf(leaf));
    });
  });
  return { ...count, examplesOf: (leaf, reason) => pickers[leaf]?.get(reason) ?? noExamples };
}

/** How the times outside of a clause's window are told apart; null where it has none. */
function timesOf(leaf: Leaf, moment: Moment): Times | null {
  const [low] = literalsOf(leaf);
  if (!('subject' in leaf) || low?.type !== 'time') return null;
  const bound = boundOf(low.value, moment);
  const isTwoSided = leaf.kind === 'between' || (leaf.kind === 'compare' && leaf.operator === '==');
  const isDayed = (time: number): boolean => mayBeDay(leaf.subject.field) && isDay(time);
  return {
    instantOf: (value) => {
      const time = timeOf(value);
      return isDayed(time) ? firstMoment(time, moment.zone) : time;
    },
    isBefore: isTwoSided ? (value) => orderOf(timeOf(value), isDayed(timeOf(value)), bound) < 0 : null,
  };
}

function timeOf(value: string): number {
  return parseIso(value) ?? Number.NaN;
}
