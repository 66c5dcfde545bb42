import type { Failure } from '../../filter/explain/reason.js';
import { funnelCount } from '../../filter/funnel.js';
import type { FunnelCount } from '../../filter/funnel.js';
import { instantOf } from '../../filter/time.js';
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
  const lows = leavesOf(filter).map(({ leaf }) => lowOf(leaf, moment));
  const pickers = count.leaves.map(() => new Map<Failure, ExamplePicker>());
  await inSlices(tally.rows, (row) => {
    const group = tally.groupOf(row);
    count.add(group);
    group.reasons.forEach((reason, leaf) => {
      if (reason === 'matched') return;
      const picker = pickers[leaf]?.get(reason) ?? new ExamplePicker(lows[leaf] ?? null);
      pickers[leaf]?.set(reason, picker);
      picker.add(group.examplesOf(leaf));
    });
  });
  return { ...count, examplesOf: (leaf, reason) => pickers[leaf]?.get(reason) ?? noExamples };
}

/** Where the window of times of a clause begins; null where it has none with two ends. */
function lowOf(leaf: Leaf, moment: Moment): string | null {
  if (leaf.kind !== 'between' || leaf.low.type !== 'time') return null;
  return new Date(instantOf(leaf.low.value, moment)).toISOString();
}
