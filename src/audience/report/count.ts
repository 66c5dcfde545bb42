import type { Failure } from '../../filter/explain/reason.js';
import { funnelCount } from '../../filter/funnel.js';
import type { FunnelCount } from '../../filter/funnel.js';
import type { Filter } from '../../filter/tree.js';
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
export async function countReport(filter: Filter, tally: Tally): Promise<ReportCount> {
  const count = funnelCount(filter);
  const pickers = count.leaves.map(() => new Map<Failure, ExamplePicker>());
  await inSlices(tally.rows, (row) => {
    const group = tally.groupOf(row);
    count.add(group);
    group.reasons.forEach((reason, leaf) => {
      if (reason === 'matched') return;
      const picker = pickers[leaf]?.get(reason) ?? new ExamplePicker();
      pickers[leaf]?.set(reason, picker);
      picker.add(group.examplesOf(leaf));
    });
  });
  return { ...count, examplesOf: (leaf, reason) => pickers[leaf]?.get(reason) ?? noExamples };
}
