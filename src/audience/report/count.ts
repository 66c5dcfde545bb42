import { isDay, orderOf } from '../../filter/day.js';
import type { Failure } from '../../filter/explain/reason.js';
import { mayBeDay } from '../../filter/fields.js';
import { funnelCount } from '../../filter/funnel.js';
import type { FunnelCount } from '../../filter/funnel.js';
import { parseIso } from '../../filter/iso8601.js';
import { boundOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { inSlices } from '../../loop/slices.js';
import type { Tally } from '../statements/tally.js';
import { ExamplePicker, noExamples } from './examples.js';
import type { Examples } from './examples.js';

/** All that a report tells of people, counted in one pass over the groups of those who are alike. */
export interface ReportCount extends FunnelCount {
  /** Values of those who fail a leaf, by its place in document order, for a reason. */
  examplesOf(leaf: number, reason: Failure): Examples;
}

/** Takes time by the number of groups and the size of the filter, in slices between which the process does other things. */
export async function countReport(filter: Filter, tally: Tally, moment: Moment): Promise<ReportCount> {
  const count = funnelCount(filter);
  const befores = leavesOf(filter).map(({ leaf }) => beforeWindow(leaf, moment));
  const pickers = count.leaves.map(() => new Map<Failure, ExamplePicker>());
  await inSlices(tally.rows, (row) => {
    const group = tally.groupOf(row);
    count.add(group);
    group.reasons.forEach((reason, leaf) => {
      if (reason === 'matched') return;
      const picker = pickers[leaf]?.get(reason) ?? new ExamplePicker(befores[leaf] ?? null);
      pickers[leaf]?.set(reason, picker);
      picker.add(group.examplesOf(leaf));
    });
  });
  return { ...count, examplesOf: (leaf, reason) => pickers[leaf]?.get(reason) ?? noExamples };
}

/** Whether a time lies before the window of a clause; null where it has none with two ends. */
function beforeWindow(leaf: Leaf, moment: Moment): ((value: string) => boolean) | null {
  if (leaf.kind !== 'between' || leaf.low.type !== 'time') return null;
  const bound = boundOf(leaf.low.value, moment);
  const { field } = leaf.subject;
  return (value) => {
    const time = parseIso(value) ?? Number.NaN;
    return orderOf(time, mayBeDay(field) && isDay(time), bound) < 0;
  };
}
