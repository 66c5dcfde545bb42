import { expect, it } from 'vitest';
import { chainOf, funnelOf, gainOf } from '../../src/filter/funnel.js';
import type { AlikeGroup } from '../../src/filter/funnel.js';
import type { Reason } from '../../src/filter/explain.js';
import { parseFilter } from '../../src/filter/parse.js';
import type { Filter } from '../../src/filter/tree.js';

const is = (key: string) => ({ '==': [{ var: `custom:${key}` }, key] });
const group = (people: number, ...reasons: Reason[]): AlikeGroup => ({ people, reasons });

/** Path, alone and so far of each clause. */
function counts(filter: Filter, groups: readonly AlikeGroup[]): (string | number)[][] {
  return funnelOf(filter, groups).clauses.map((clause) => [
    clause.path,
    clause.passed_alone,
    clause.passed_so_far,
  ]);
}

const abc = [
  group(5, 'matched', 'matched', 'matched'),
  group(3, 'matched', 'matched', 'different'),
  group(2, 'matched', 'missing', 'matched'),
  group(7, 'case_mismatch', 'matched', 'matched'),
];

it('the operands of an and follow each other, those of an and inside it too', () => {
  expect(counts(parseFilter({ and: [is('a'), { and: [is('b'), is('c')] }] }), abc)).toEqual([
    ['/and/0', 10, 10],
    ['/and/1', 12, 5],
    ['/and/1/and/0', 15, 8],
    ['/and/1/and/1', 14, 5],
  ]);
});

it('each alternative of an or starts from what the or started from', () => {
  expect(counts(parseFilter({ and: [is('a'), { or: [is('b'), is('c')] }] }), abc)).toEqual([
    ['/and/0', 10, 10],
    ['/and/1', 17, 10],
    ['/and/1/or/0', 15, 8],
    ['/and/1/or/1', 14, 7],
  ]);
});

it('under ! a leaf is counted by itself as it stands, and so far as the filter takes it', () => {
  const filter = parseFilter({ and: [is('a'), { '!': { or: [is('b'), is('c')] } }] });
  // Nobody has neither b nor c: first the two who have no b are left, then none of them has no c.
  expect(counts(filter, abc)).toEqual([
    ['/and/0', 10, 10],
    ['/and/1', 0, 0],
    ['/and/1/!', 17, 0],
    ['/and/1/!/or/0', 15, 2],
    ['/and/1/!/or/1', 14, 0],
  ]);
  expect(funnelOf(filter, abc).emptied_by).toBe('/and/1/!/or/1');
  expect(chainOf(filter).map(({ clause, negated }) => [clause.path, negated])).toEqual([
    ['/and/0', false],
    ['/and/1/!/or/0', true],
    ['/and/1/!/or/1', true],
  ]);
});

it('an or fails by its nearest miss, an and by its first failure, and ! because there is what should not be', () => {
  const groups = [group(4, 'missing', 'case_mismatch'), group(1, 'type_mismatch', 'different')];
  const failed = (filter: unknown) => funnelOf(parseFilter(filter), groups).clauses[0]?.failed;
  const none = { missing: 0, type_mismatch: 0, case_mismatch: 0, unparsable_time: 0, outside_window: 0 };
  expect(failed({ or: [is('a'), is('b')] })).toEqual({ ...none, case_mismatch: 4, different: 1 });
  expect(failed({ or: [{ and: [is('a'), is('b')] }] })).toMatchObject({ missing: 4, type_mismatch: 1 });
  expect(failed({ '!': { '!': { '!': { or: [{ '!': is('a') }, is('b')] } } } })).toEqual({
    ...none,
    different: 5,
  });
});

it('nobody empties an audience where there is nobody, or where somebody is left', () => {
  const filter = parseFilter({ and: [is('a'), is('b'), is('c')] });
  expect(funnelOf(filter, [])).toMatchObject({ total: 0, matched: 0, emptied_by: null });
  expect(funnelOf(filter, abc)).toMatchObject({ total: 17, matched: 5, emptied_by: null });
  expect(funnelOf(filter, abc.slice(1, 2))).toMatchObject({ total: 3, matched: 0, emptied_by: '/and/2' });
});

it('a gain counts whoever matches only with the clause turned, and of those named', () => {
  const filter = parseFilter({ and: [is('a'), { '!': is('b') }, is('c')] });
  const [a, b] = chainOf(filter);
  const groups = [
    group(7, 'case_mismatch', 'different', 'matched'),
    group(2, 'missing', 'different', 'matched'),
    group(1, 'missing', 'matched', 'matched'),
    group(4, 'matched', 'matched', 'matched'),
  ];
  const gain = (clause = a, reason?: Reason) =>
    clause === undefined
      ? 0
      : gainOf(filter, groups, clause, ({ reasons }) => reason === undefined || reasons[0] === reason);
  expect([gain(), gain(a, 'case_mismatch'), gain(a, 'missing'), gain(b)]).toEqual([9, 7, 2, 4]);
});
