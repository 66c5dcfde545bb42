import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExplanation, explain } from '../../src/filter/explain.js';
import type { ClauseExplanation, Explanation, VerdictTree } from '../../src/filter/explain.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { sentence } from '../../src/filter/sentence.js';
import { momentOf } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { untyped } from './records.js';

const moment = momentOf('2026-03-10T12:00:00Z', 'Europe/Berlin');

function explained(document: unknown, user: UserRecord): Explanation {
  return explain(parseFilter(document), user, moment);
}

function clauseOf(document: unknown, user: UserRecord): ClauseExplanation {
  const [clause] = explained(document, user).clauses;
  if (clause === undefined) throw new Error('no clause');
  return clause;
}

const x = { var: 'custom:x' };
const reasonFor = (document: unknown, value: unknown): string =>
  clauseOf(document, { custom_fields: { x: value } }).reason;

describe('reasons', () => {
  it('say missing, whatever is asked of a missing value', () => {
    const asked = [
      { '==': [x, 'a'] },
      { '!=': [x, 'a'] },
      { in: [x, ['a', 1]] },
      { between: [x, 1, 2] },
      { contains: [x, 'a'] },
      { has: [x, 'a'] },
      { exists: x },
      { '<': [x, { ago: [1, 'days'] }] },
    ];
    expect(asked.filter((document) => reasonFor(document, null) !== 'missing')).toEqual([]);
    expect(clauseOf({ percent: ['s', 0, 50] }, {}).reason).toBe('missing');
  });

  it('say matched for a missing value only to missing', () => {
    expect(reasonFor({ missing: x }, null)).toBe('matched');
    expect(reasonFor({ missing: x }, '')).toBe('different');
  });

  it('tell another type from another value', () => {
    expect(reasonFor({ '==': [x, 10] }, '10')).toBe('type_mismatch');
    expect(reasonFor({ '==': [x, 10] }, 11)).toBe('different');
    expect(reasonFor({ '!=': [x, 10] }, '10')).toBe('type_mismatch');
    expect(reasonFor({ '!=': [x, 10] }, 10)).toBe('different');
    expect(reasonFor({ '>=': [x, 10] }, '11')).toBe('type_mismatch');
    expect(reasonFor({ '>=': [x, 10] }, 9)).toBe('different');
    expect(reasonFor({ between: [x, 'a', 'b'] }, 1)).toBe('type_mismatch');
    expect(reasonFor({ between: [x, 'a', 'b'] }, 'c')).toBe('different');
    expect(reasonFor({ in: [x, ['1', '2']] }, 1)).toBe('type_mismatch');
    expect(reasonFor({ in: [x, ['1', 2]] }, 1)).toBe('different');
    expect(reasonFor({ contains: [x, 'a'] }, ['a'])).toBe('type_mismatch');
    expect(reasonFor({ has: [x, 'a'] }, { a: 1 })).toBe('type_mismatch');
    expect(reasonFor({ has: [x, 1] }, '1,2')).toBe('type_mismatch');
    expect(reasonFor({ has_all: [x, ['a', 1]] }, 'a,1')).toBe('type_mismatch');
    expect(reasonFor({ has_any: [x, ['b', 1]] }, 'a,1')).toBe('different');
    expect(reasonFor({ has: [x, 1] }, ['1', 2])).toBe('different');
  });

  it('say case_mismatch only where ASCII letter case is all that differs', () => {
    expect(reasonFor({ '==': [x, 'admin'] }, 'Admin')).toBe('case_mismatch');
    expect(reasonFor({ '==': [x, 'é'] }, 'É')).toBe('different');
    expect(reasonFor({ in: [x, ['owner', 'admin']] }, 'ADMIN')).toBe('case_mismatch');
    expect(reasonFor({ starts_with: [x, 'Ad'] }, 'admin')).toBe('case_mismatch');
    expect(reasonFor({ ends_with: [x, 'in'] }, 'ADMIN')).toBe('case_mismatch');
    expect(reasonFor({ contains: [x, 'z'] }, 'ADMIN')).toBe('different');
    expect(reasonFor({ has: [x, 'beta'] }, 'Beta, gamma')).toBe('case_mismatch');
    expect(reasonFor({ has_all: [x, ['a', 'b']] }, ['A', 'b'])).toBe('case_mismatch');
    expect(reasonFor({ '==': [{ lower: x }, 'Admin'] }, 'admin')).toBe('case_mismatch');
  });

  it('tell text that is no time from a time that lies outside', () => {
    expect(reasonFor({ '>=': [x, { ago: [1, 'days'] }] }, 'soon')).toBe('unparsable_time');
    expect(reasonFor({ '>=': [x, { ago: [1, 'days'] }] }, '2025-02-30')).toBe('unparsable_time');
    expect(reasonFor({ '>=': [x, { ago: [1, 'days'] }] }, '2025-02-28')).toBe('outside_window');
    expect(reasonFor({ '>=': [x, { ago: [1, 'days'] }] }, 1_700_000_000)).toBe('type_mismatch');
    expect(reasonFor({ '==': [x, { at: '2026-01-01' }] }, '2026-01-02')).toBe('outside_window');
    expect(reasonFor({ '!=': [x, { at: '2026-01-01' }] }, '2026-01-01')).toBe('different');
    expect(reasonFor({ between: [x, { ago: [2, 'days'] }, { ago: [1, 'days'] }] }, '2026-03-10')).toBe(
      'outside_window',
    );
    expect(reasonFor({ in: [x, [{ at: '2026-01-01' }]] }, 'soon')).toBe('unparsable_time');
    const signup = { '>=': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] };
    expect(clauseOf(signup, { signed_up_at: 'soon' }).reason).toBe('unparsable_time');
    expect(clauseOf(signup, { signed_up_at: new Date(Number.NaN) }).reason).toBe('unparsable_time');
    expect(clauseOf(signup, untyped({ signed_up_at: 5 })).reason).toBe('type_mismatch');
  });
});

describe('what is shown', () => {
  it('the value as it is stored, times as ISO 8601, null for missing', () => {
    expect(clauseOf({ '==': [{ lower: x }, 'a'] }, { custom_fields: { x: 'ADMIN' } }).seen).toBe('ADMIN');
    expect(clauseOf({ '==': [x, 'a'] }, {}).seen).toBeNull();
    const signup = { '<': [{ var: 'signed_up_at' }, { ago: [1, 'days'] }] };
    expect(clauseOf(signup, { signed_up_at: new Date('2026-03-01T01:02:03.004Z') }).seen).toBe(
      '2026-03-01T01:02:03.004Z',
    );
    expect(clauseOf(signup, { signed_up_at: new Date('2026-03-01T00:00:00Z') }).seen).toBe('2026-03-01');
    const due = (time: unknown): unknown =>
      clauseOf({ '<': [x, time] }, { custom_fields: { x: '2026-03-01T00:00:00Z' } }).seen;
    expect([due({ ago: [1, 'days'] }), due('a')]).toEqual(['2026-03-01', '2026-03-01T00:00:00Z']);
    const seen = { '<': [{ var: 'last_seen' }, '2026-12-05T00:00:00Z'] };
    expect(clauseOf(seen, { last_seen: new Date('2026-03-01T00:00:00Z') })).toMatchObject({
      seen: '2026-03-01T00:00:00.000Z',
      wanted: { at: '2026-12-05', written: { at: '2026-12-05T00:00:00Z' } },
    });
    expect(clauseOf({ '>': [{ var: 'days_since_signup' }, 3] }, { created_at: '2026-03-08' }).seen).toBe(2);
  });

  it('what was wanted: a literal, a list, or an instant with what it was written as', () => {
    expect(clauseOf({ in: [x, ['a', 1, true]] }, {}).wanted).toEqual(['a', 1, true]);
    expect(clauseOf({ between: [x, 1, 2] }, {}).wanted).toEqual({ from: 1, to: 2 });
    expect(clauseOf({ '<': [x, { ago: [1, 'days'] }] }, {}).wanted).toEqual({
      at: '2026-03-09T12:00:00.000Z',
      written: { ago: [1, 'days'] },
    });
    expect(clauseOf({ '<': [x, { start_of: ['month', -1] }] }, {}).wanted).toEqual({
      at: '2026-01-31T23:00:00.000Z',
      written: { start_of: ['month', -1] },
    });
  });

  it('long values cut short, never inside a character, and always JSON', () => {
    const values = [
      '😀'.repeat(500),
      Array.from({ length: 500 }, () => 'x'),
      [[[[[[1]]]]]],
      { a: { b: 'x'.repeat(999) } },
    ];
    for (const value of values) {
      const { seen } = clauseOf({ exists: x }, { custom_fields: { x: value } });
      const text = JSON.stringify(seen);
      expect(text.length).toBeLessThan(1_000);
      expect(text).toContain('…');
      expect(text.isWellFormed()).toBe(true);
    }
    const many = clauseOf({ in: [x, Array.from({ length: 9_999 }, (_, index) => index)] }, {});
    expect(JSON.stringify(many.wanted).length).toBeLessThan(200);
  });

  it('an own __proto__ key is shown as the key it is', () => {
    const x2 = JSON.parse('{"__proto__": {"a": 1}}') as unknown;
    const { seen } = clauseOf({ exists: x }, { custom_fields: { x: x2 } });
    expect(JSON.stringify(seen)).toBe('{"__proto__":{"a":1}}');
  });

  it('survives values that are no JSON', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    for (const value of [10n, Symbol('s'), () => 1, cyclic, new Map(), Number.NaN, Infinity]) {
      const { seen, verdict } = clauseOf({ '==': [x, 1] }, { custom_fields: { x: value } });
      expect(() => JSON.stringify(seen)).not.toThrow();
      expect(verdict).toBe(false);
    }
  });
});

describe('clauses and tree', () => {
  const document = {
    and: [{ '!': { or: [{ '==': [x, 'a'] }, { '!': { missing: { var: 'email' } } }] } }, { everyone: true }],
  };

  it('clauses are the leaves in document order, judged before any ! above them', () => {
    const { clauses, matched } = explained(document, { custom_fields: { x: 'a' } });
    expect(clauses.map(({ path, negated, verdict, reason }) => [path, negated, verdict, reason])).toEqual([
      [leavesOf(parseFilter(document))[0]?.leaf.path, true, true, 'matched'],
      [leavesOf(parseFilter(document))[1]?.leaf.path, false, true, 'matched'],
      [leavesOf(parseFilter(document))[2]?.leaf.path, false, true, 'matched'],
    ]);
    expect(matched).toBe(false);
  });

  it('the whole is plain JSON with its sentence', () => {
    const explanation = explained(document, {});
    expect(explanation.sentence).toBe(sentence(parseFilter(document)));
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
    expect(Object.keys(explanation.clauses[0] ?? {})).toEqual([
      'path',
      'sentence',
      'negated',
      'verdict',
      'reason',
      'seen',
      'wanted',
      'changes_at',
    ]);
  });
});

function evaluated(tree: VerdictTree, clauses: readonly ClauseExplanation[]): boolean {
  if (tree.kind === 'clause') return clauses[tree.clause]?.verdict ?? false;
  if (tree.kind === 'not') return !evaluated(tree.operand, clauses);
  const each = tree.operands.map((operand) => evaluated(operand, clauses));
  return tree.kind === 'and' ? !each.includes(false) : each.includes(true);
}

describe('laws', () => {
  const users = recordsOf(4, 60);

  it('the explanation and each of its clauses say what the predicate says', () => {
    fc.assert(
      fc.property(filterArbitrary, momentArbitrary, (document, at) => {
        const filter = parseFilter(document, { segments: savedSegments });
        const when = momentOf(at.now, at.zone);
        const matches = compilePredicate(filter, when);
        const explainUser = compileExplanation(filter, when);
        const leaves = leavesOf(filter).map(({ leaf, negated }) => ({
          negated,
          test: compilePredicate(leaf, when),
        }));
        for (const user of users) {
          const { matched, clauses, tree } = explainUser(user);
          expect(matched).toBe(matches(user));
          expect(clauses.map(({ verdict }) => verdict)).toEqual(leaves.map(({ test }) => test(user)));
          expect(clauses.map(({ negated }) => negated)).toEqual(leaves.map(({ negated }) => negated));
          expect(clauses.every(({ verdict, reason }) => verdict === (reason === 'matched'))).toBe(true);
          expect(tree.verdict).toBe(matched);
          expect(evaluated(tree, clauses)).toBe(matched);
        }
      }),
      { seed: 21, numRuns: 300 },
    );
  });
});
