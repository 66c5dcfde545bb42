import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import type { Filter } from '../../src/filter/tree.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { untyped, withTraits } from './records.js';

const moment = momentOf('2026-03-10T12:00:00Z', 'Europe/Berlin');

function matches(document: unknown, user: UserRecord): boolean {
  return compilePredicate(parseFilter(document), moment)(user);
}

/** Whether `custom:x` holding `value` meets the operator. */
function holds(operator: string, value: unknown, ...operands: unknown[]): boolean {
  return matches({ [operator]: [{ var: 'custom:x' }, ...operands] }, { custom_fields: { x: value } });
}

/** Whether `custom:x` holding `value` meets the whole filter. */
function meets(document: unknown, value: unknown): boolean {
  return matches(document, { custom_fields: { x: value } });
}

const role = { var: 'custom:role' };

describe('missing values', () => {
  const absent: UserRecord[] = [
    {},
    { custom_fields: null },
    { custom_fields: {} },
    { custom_fields: { role: null } },
  ];

  it('match no comparison, != included', () => {
    const filters = [
      { '==': [role, 'a'] },
      { '!=': [role, 'a'] },
      { '!=': [role, 5] },
      { '!=': [role, true] },
      { '<': [role, 5] },
      { '<=': [role, 0] },
      { '>=': [role, ''] },
      { '!=': [role, { at: '2026-01-01' }] },
      { '<=': [role, { ago: [0, 'days'] }] },
      { in: [role, ['', 0, false]] },
      { between: [role, -1, 1] },
      { contains: [role, ''] },
      { has: [role, ''] },
      { has_all: [role, ['', 'a']] },
      { exists: role },
    ];
    for (const user of absent) {
      expect(filters.filter((filter) => matches(filter, user))).toEqual([]);
      expect(matches({ missing: role }, user)).toBe(true);
    }
  });

  it('are included by !, which is how "not admin" and "!= admin" differ', () => {
    for (const user of absent) {
      expect(matches({ '!': { '==': [role, 'admin'] } }, user)).toBe(true);
      expect(matches({ '!=': [role, 'admin'] }, user)).toBe(false);
    }
  });

  it('are only null and absent: empty text, 0, false and [] are there', () => {
    for (const value of ['', 0, false, [], {}]) {
      expect(matches({ exists: role }, { custom_fields: { role: value } })).toBe(true);
      expect(matches({ missing: role }, { custom_fields: { role: value } })).toBe(false);
    }
  });
});

describe('types', () => {
  it('never coerce: another type is unequal, and not "different" either', () => {
    expect(holds('==', '10', 10)).toBe(false);
    expect(holds('==', 10, '10')).toBe(false);
    expect(holds('==', [1], 1)).toBe(false);
    expect(holds('==', '', 0)).toBe(false);
    expect(holds('==', 1, true)).toBe(false);
    expect(holds('>=', '11', 10)).toBe(false);
    expect(holds('<', true, 10)).toBe(false);
    expect(holds('!=', '10', 11)).toBe(false);
    expect(holds('!=', ['a'], 'b')).toBe(false);
    expect(holds('!=', 'true', true)).toBe(false);
    expect(holds('in', '1', [1, 2])).toBe(false);
    expect(holds('contains', ['abc'], 'abc')).toBe(false);
    expect(holds('contains', 123, '2')).toBe(false);
  });

  it('equality means the same whatever the length of the key', () => {
    for (let length = 1; length <= 9; length += 1) {
      const key = 'k'.repeat(length);
      const filter = { '==': [{ var: `custom:${key}` }, 'a'] };
      expect(matches(filter, { custom_fields: { [key]: 'a' } })).toBe(true);
      expect(matches(filter, { custom_fields: { [key]: 'b', [`${key}k`]: 'a' } })).toBe(false);
      expect(matches(filter, { custom_fields: null })).toBe(false);
    }
  });

  it('in takes items of mixed types, each equal by type and value', () => {
    const items = ['1', 2, true, { at: '2026-01-01' }];
    const members = ['1', 2, true, '2026-01-01', '2026-01-01T01:00:00+01:00'];
    expect(members.filter((value) => holds('in', value, items))).toEqual(members);
    const others = [1, '2', 'true', false, '2026-01-02', null, [2]];
    expect(others.filter((value) => holds('in', value, items))).toEqual([]);
  });

  it('a long list finds what a short one finds', () => {
    const long = Array.from({ length: 500 }, (_, index) => `item ${index}`);
    expect(holds('in', 'item 499', long)).toBe(true);
    expect(holds('in', 'item 500', long)).toBe(false);
    expect(holds('in', 7, [...long, 7])).toBe(true);
    expect(holds('in', '7', [...long, 7])).toBe(false);
  });
});

describe('numbers', () => {
  it('< and > leave the bound out, to the last bit of a double', () => {
    for (const bound of [0, -0, 1, -1, 0.1, 5e-324, -5e-324, 1e15, 2 ** 53 - 1]) {
      expect(holds('>', bound, bound)).toBe(false);
      expect(holds('<', bound, bound)).toBe(false);
      expect(holds('>=', bound, bound)).toBe(true);
      expect(holds('<=', bound, bound)).toBe(true);
    }
  });

  it('order as JavaScript orders finite numbers', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, max: 9e15, min: -9e15 }),
      fc.integer(),
    );
    const stored = fc.oneof(number, fc.constantFrom(0, -0, 5e-324, -Number.MAX_VALUE, Number.MAX_VALUE));
    fc.assert(
      fc.property(stored, number, (seen, bound) => {
        expect(holds('<', seen, bound)).toBe(seen < bound);
        expect(holds('<=', seen, bound)).toBe(seen <= bound);
        expect(holds('>', seen, bound)).toBe(seen > bound);
        expect(holds('>=', seen, bound)).toBe(seen >= bound);
        expect(holds('==', seen, bound)).toBe(seen === bound);
        expect(holds('!=', seen, bound)).toBe(seen !== bound);
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('beyond the doubles, read as infinite, compare with nothing', () => {
    const operators = ['<', '<=', '>', '>=', '==', '!='];
    for (const seen of [Infinity, -Infinity, Number.NaN]) {
      expect(operators.filter((operator) => holds(operator, seen, 0))).toEqual([]);
    }
  });

  it('between with its ends the wrong way round matches nobody', () => {
    expect(holds('between', 5, 1, 10)).toBe(true);
    expect(holds('between', 5, 5, 5)).toBe(true);
    expect(holds('between', 5, 10, 1)).toBe(false);
  });
});

describe('text', () => {
  it('orders by code point where UTF-16 would order otherwise', () => {
    expect(holds('>', '\u{1F600}', '\uFB00')).toBe(true);
    expect(holds('<', '\uFB00', '\u{1F600}')).toBe(true);
    expect(holds('between', '\u{1F600}', '\uE000', '\u{1F601}')).toBe(true);
    expect(holds('>=', 'b', '')).toBe(true);
  });

  it('has no wildcards', () => {
    expect(holds('contains', 'abc', '%')).toBe(false);
    expect(holds('contains', '50%', '%')).toBe(true);
    expect(holds('starts_with', 'admin', 'adm_n')).toBe(false);
    expect(holds('ends_with', 'abc', '')).toBe(true);
    expect(holds('ends_with', 'abc', 'bc')).toBe(true);
    expect(holds('starts_with', 'abc', 'abcd')).toBe(false);
  });

  it('lower folds the field and leaves the literal as written', () => {
    const lower = { lower: { var: 'custom:x' } };
    expect(meets({ '==': [lower, 'admin'] }, 'ADMIN')).toBe(true);
    expect(meets({ '==': [lower, 'Admin'] }, 'Admin')).toBe(false);
    expect(meets({ '!=': [lower, 'admin'] }, 'ADMIN')).toBe(false);
    expect(meets({ '!=': [lower, 'admin'] }, null)).toBe(false);
    expect(meets({ in: [lower, ['a', 'b']] }, 'B')).toBe(true);
    expect(meets({ '<': [lower, 'b'] }, 'A')).toBe(true);
    expect(meets({ between: [lower, 'a', 'c'] }, 'B')).toBe(true);
    expect(meets({ contains: [lower, 'mi'] }, 'ADMIN')).toBe(true);
    expect(meets({ '==': [lower, 'i̇'] }, 'İ')).toBe(false);
  });
});

describe('times', () => {
  it('a custom field is a time only as ISO 8601 text', () => {
    const after = { at: '2026-01-01T00:00:00Z' };
    expect(holds('>=', '2026-01-01', after)).toBe(true);
    expect(holds('==', '2026-01-01T02:00+02:00', after)).toBe(true);
    const values = ['2026-02-30', 'soon', 1_800_000_000_000, '1800000000', new Date('2026-02-01'), {}];
    expect(values.filter((value) => holds('>=', value, after) || holds('!=', value, after))).toEqual([]);
  });

  it('a column takes Dates and ISO text alike, to the millisecond', () => {
    const filter = { '<': [{ var: 'signed_up_at' }, '2026-01-01T00:00:00.001Z'] };
    for (const at of ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000999Z']) {
      expect(matches(filter, { signed_up_at: at })).toBe(true);
      expect(matches(filter, { signed_up_at: new Date(at) })).toBe(true);
    }
    expect(matches(filter, { signed_up_at: '2026-01-01T00:00:00.001Z' })).toBe(false);
    expect(
      matches({ '!=': [{ var: 'signed_up_at' }, '2026-01-01'] }, { signed_up_at: new Date(Number.NaN) }),
    ).toBe(false);
    expect(matches(filter, untyped({ signed_up_at: 5 }))).toBe(false);
  });

  it('"one day ago" is the same wall-clock time across a daylight-saving change', () => {
    const change = momentOf('2026-03-29T10:00:00Z', 'Europe/Berlin');
    const filter = parseFilter({ '==': [{ var: 'signed_up_at' }, { ago: [1, 'days'] }] });
    const test = compilePredicate(filter, change);
    expect(test({ signed_up_at: '2026-03-28T11:00:00Z' })).toBe(true);
    expect(test({ signed_up_at: '2026-03-28T10:00:00Z' })).toBe(false);
  });
});

describe('has', () => {
  it('compares items of a list by type and value', () => {
    expect(holds('has', ['a', 1, true], 1)).toBe(true);
    expect(holds('has', ['1'], 1)).toBe(false);
    expect(holds('has', [['a']], 'a')).toBe(false);
    expect(holds('has', [null], 'a')).toBe(false);
    expect(holds('has_all', ['a', 'b', 'b'], ['b', 'a', 'a'])).toBe(true);
    expect(holds('has_all', ['a'], ['a', 'b'])).toBe(false);
    expect(holds('has_any', ['a'], ['b', 'a'])).toBe(true);
    expect(holds('has', { a: 1 }, 'a')).toBe(false);
  });

  it('takes text apart at commas, where a number is no item', () => {
    expect(holds('has', 'beta , gamma', 'beta')).toBe(true);
    expect(holds('has', 'alphabeta,beta2, beta', 'beta')).toBe(true);
    expect(holds('has', 'alphabeta,beta2', 'beta')).toBe(false);
    expect(holds('has', '1,2', 1)).toBe(false);
    expect(holds('has_all', '1,a', ['a', 1])).toBe(false);
    expect(holds('has_any', '1,a', ['a', 1])).toBe(true);
    expect(holds('has', '', '')).toBe(true);
    expect(holds('has', 'a', '')).toBe(false);
    expect(holds('has', 'a,,b', '')).toBe(true);
    expect(holds('has', 'a,b', 'a,b')).toBe(false);
    expect(holds('has', ' a', ' a')).toBe(false);
    expect(holds('has', 'a b', 'a b')).toBe(true);
  });

  it('finds in text exactly what splitting it finds', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'aa', ' ', ',', '\t'), { maxLength: 9 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (seen, wanted) => {
        const items = seen.split(',').map((item) => item.replace(/^ +| +$/g, ''));
        expect(holds('has', seen, wanted)).toBe(items.includes(wanted));
      }),
      { seed: 12, numRuns: 3_000 },
    );
  });
});

describe('keys that objects inherit', () => {
  const keys = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'length', '0'];

  it('are trait keys like any other', () => {
    for (const key of keys) {
      const user = withTraits(`{${JSON.stringify(key)}: "admin"}`);
      const field = { var: `custom:${key}` };
      const met = [
        { '==': [field, 'admin'] },
        { exists: field },
        { in: [field, ['admin', 'x']] },
        { starts_with: [field, 'ad'] },
        { has: [field, 'admin'] },
      ];
      expect(met.filter((filter) => !matches(filter, user))).toEqual([]);
    }
  });

  it('are missing where nobody stored them', () => {
    for (const key of keys) {
      const field = { var: `custom:${key}` };
      const unmet = [{ exists: field }, { '!=': [field, 'x'] }, { '>=': [field, 0] }, { has: [field, 'x'] }];
      for (const user of [{}, withTraits('{}'), untyped({ custom_fields: Object.create(null) as unknown })]) {
        expect(matches({ missing: field }, user)).toBe(true);
        expect(unmet.filter((filter) => matches(filter, user))).toEqual([]);
      }
    }
  });
});

function node(kind: 'and' | 'or', ...operands: Filter[]): Filter {
  return { kind, path: '', operands };
}

/** `length` operands, all `common` but for the one at `position`. */
function alike(length: number, position: number, common: object, one: object): object[] {
  return Array.from({ length }, (_, index) => (index === position ? one : common));
}

describe('and, or', () => {
  const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 20];
  const yes = { everyone: true };
  const no = { '!': { everyone: true } };

  it('hang on each single operand, however many there are', () => {
    for (const length of lengths) {
      expect(matches({ and: alike(length, -1, yes, no) }, {})).toBe(true);
      expect(matches({ or: alike(length, -1, no, yes) }, {})).toBe(false);
      for (let position = 0; position < length; position += 1) {
        expect(matches({ and: alike(length, position, yes, no) }, {})).toBe(false);
        expect(matches({ or: alike(length, position, no, yes) }, {})).toBe(true);
      }
    }
  });
});

describe('laws', () => {
  const users = recordsOf(3, 60);
  const trial = fc.tuple(filterArbitrary, momentArbitrary).map(([document, at]) => ({
    filter: parseFilter(document, { segments: savedSegments }),
    moment: momentOf(at.now, at.zone),
  }));
  const verdicts = (filter: Filter, at: typeof moment): boolean[] => users.map(compilePredicate(filter, at));

  it('!X is true exactly where X is false', () => {
    fc.assert(
      fc.property(trial, ({ filter, moment: at }) => {
        const complement = verdicts({ kind: 'not', path: '', operand: filter }, at);
        expect(complement).toEqual(verdicts(filter, at).map((verdict) => !verdict));
        expect(
          verdicts({ kind: 'not', path: '', operand: { kind: 'not', path: '', operand: filter } }, at),
        ).toEqual(verdicts(filter, at));
      }),
      { seed: 13, numRuns: 300 },
    );
  });

  it('or matches whom either arm matches, and whom both; operands stand in any order and grouping', () => {
    fc.assert(
      fc.property(fc.array(trial, { minLength: 2, maxLength: 9 }), (trials) => {
        const at = trials[0]?.moment ?? moment;
        const filters = trials.map(({ filter }) => filter);
        const each = filters.map((filter) => verdicts(filter, at));
        const some = users.map((_, index) => each.some((one) => one[index]));
        const every = users.map((_, index) => each.every((one) => one[index]));
        expect(verdicts(node('or', ...filters), at)).toEqual(some);
        expect(verdicts(node('and', ...filters), at)).toEqual(every);
        expect(verdicts(node('or', ...filters.toReversed()), at)).toEqual(some);
        expect(verdicts(node('and', ...filters.toReversed()), at)).toEqual(every);
        const [head, tail] = [filters.slice(0, 1), filters.slice(1)];
        expect(verdicts(node('or', ...head, node('or', ...tail)), at)).toEqual(some);
        expect(verdicts(node('and', ...head, node('and', ...tail)), at)).toEqual(every);
      }),
      { seed: 14, numRuns: 60 },
    );
  });

  it('no record raises, however wrong its types', () => {
    const wrong = fc.anything({
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withBigInt: true,
    });
    const record = fc.dictionary(
      fc.constantFrom(
        'user_id',
        'name',
        'email',
        'signed_up_at',
        'created_at',
        'on_contract',
        'company',
        'custom_fields',
      ),
      wrong,
    );
    fc.assert(
      fc.property(trial, record, ({ filter, moment: at }, user) => {
        expect(typeof compilePredicate(filter, at)(untyped(user))).toBe('boolean');
      }),
      { seed: 15, numRuns: 1_000 },
    );
  });
});
