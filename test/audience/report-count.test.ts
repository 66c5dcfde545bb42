import { expect, it } from 'vitest';
import { countReport } from '../../src/audience/report/count.js';
import type { TallyRow } from '../../src/audience/statements/tally.js';
import { tallyOf } from '../../src/audience/statements/tally.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import { longestSlice } from '../support/longest-slice.js';

const filter = parseFilter({
  or: Array.from({ length: 200 }, (_, leaf) => ({ '==': [{ var: `custom:f${leaf}` }, 'yes'] })),
});
const leaves = leavesOf(filter).map(({ leaf }) => leaf);

/** People who are all missed by other clauses, each group with a value to show. */
function rows(count: number): TallyRow[] {
  return Array.from({ length: count }, (_, row) => ({
    people: 1,
    // Reason 6 (`different`) in every place but one, which is 3 (`case_mismatch`).
    alike: Array.from({ length: 12 }, (_each, number) =>
      String(Number.parseInt('6'.repeat(17), 8) - (row % 12 === number ? 3 * 8 ** (row % 17) : 0)),
    ),
    [`x${(row % 12) * 17 + (row % 17)}`]: JSON.stringify([JSON.stringify(`Yes ${row}`), null]),
  }));
}

it('a report of many clauses over many ways to fail holds the event loop only in slices', async () => {
  const tally = tallyOf(rows(10_000), leaves);
  const longest = await longestSlice(async () => {
    const count = await countReport(filter, tally, momentOf('2026-03-01T12:00:00Z'));
    expect(count.funnel()).toMatchObject({ total: 10_000, matched: 0 });
    expect(count.leaves[0]?.gains.different).toBeGreaterThan(9_000);
    expect(count.examplesOf(0, 'case_mismatch')).toMatchObject({
      first: ['Yes 0', 'Yes 1020', 'Yes 1224'],
      last: 'Yes 9996',
      isAll: false,
    });
  });
  expect(longest).toBeLessThan(100);
});

it('more groups than a report counts are refused, fewer the larger the filter', () => {
  const few = rows(1)[0];
  expect(() =>
    tallyOf(
      Array.from({ length: 50_001 }, () => few ?? { people: 1, alike: '0' }),
      leaves,
    ),
  ).toThrow('more than 50000 different ways');
});
