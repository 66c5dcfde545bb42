import { expect, it } from 'vitest';
import { funnelCount, funnelOf } from '../../src/filter/funnel.js';
import type { AlikeGroup } from '../../src/filter/funnel.js';
import type { Reason } from '../../src/filter/explain.js';
import { parseFilter } from '../../src/filter/parse.js';
import { leavesOf } from '../../src/filter/tree.js';
import type { Filter } from '../../src/filter/tree.js';
import { nearness, reasons as everyReason } from '../../src/filter/explain/reason.js';

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
  expect(funnelCount(filter).steps.map(({ clause, negated }) => [clause.path, negated])).toEqual([
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

it('a gain counts those who match only with the clause turned, by the reason for which they failed it', () => {
  const filter = parseFilter({ and: [is('a'), { '!': is('b') }, is('c')] });
  const count = funnelCount(filter);
  count.add(group(7, 'case_mismatch', 'different', 'matched'));
  count.add(group(2, 'missing', 'different', 'matched'));
  count.add(group(1, 'missing', 'matched', 'matched'));
  count.add(group(4, 'matched', 'matched', 'matched'));
  expect(count.steps.map(({ gain }) => gain)).toEqual([9, 4, 0]);
  expect(count.leaves[0]?.gains).toMatchObject({ case_mismatch: 7, missing: 2, different: 0 });
});

/** Numbers from 0 to 1 that are the same at each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Whether the filter holds for a group, with one of its clauses turned where it is given. */
function holds(
  node: Filter,
  judged: ReadonlyMap<Filter, Reason>,
  turned?: { clause: Filter; to: boolean },
): boolean {
  if (node === turned?.clause) return turned.to;
  if (node.kind === 'and') return node.operands.every((each) => holds(each, judged, turned));
  if (node.kind === 'or') return node.operands.some((each) => holds(each, judged, turned));
  if (node.kind === 'not') return !holds(node.operand, judged, turned);
  return judged.get(node) === 'matched';
}

it('gains are what evaluating the whole filter with the clause turned gives, for any filter', () => {
  const random = seeded(11);
  const document = (depth: number): unknown => {
    const kind = depth === 0 ? 3 : Math.floor(random() * 4);
    if (kind === 0) return { '!': document(depth - 1) };
    if (kind === 3) return is(String(Math.floor(random() * 1000)));
    return {
      [kind === 1 ? 'and' : 'or']: Array.from({ length: 1 + random() * 3 }, () => document(depth - 1)),
    };
  };
  let gained = 0;
  for (let round = 0; round < 200; round += 1) {
    const filter = parseFilter(document(4));
    const leaves = leavesOf(filter).map(({ leaf }) => leaf);
    const count = funnelCount(filter);
    const groups = Array.from({ length: 20 }, (_, people) =>
      group(
        people,
        ...leaves.map(() => everyReason[Math.floor(random() * random() * everyReason.length)] ?? 'missing'),
      ),
    );
    for (const each of groups) count.add(each);
    const gain = (clause: Filter, to: boolean, wanted?: (reason: Reason) => boolean): number =>
      groups
        .filter((each) => {
          const told = new Map<Filter, Reason>(
            leaves.map((leaf, at) => [leaf, each.reasons[at] ?? 'missing']),
          );
          if (wanted !== undefined && !wanted(told.get(clause) ?? 'missing')) return false;
          return !holds(filter, told) && holds(filter, told, { clause, to });
        })
        .reduce((sum, { people }) => sum + people, 0);
    for (const step of count.steps) expect(step.gain).toBe(gain(step.clause, !step.negated));
    leaves.forEach((leaf, at) => {
      for (const reason of nearness) {
        const expected = gain(leaf, true, (each) => each === reason);
        expect(count.leaves[at]?.gains[reason]).toBe(expected);
        gained += expected;
      }
    });
  }
  expect(gained).toBeGreaterThan(1000);
});
