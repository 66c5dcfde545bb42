import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import { checkTraits, identify } from '../../src/traits/index.js';
import type { CheckedTraits } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, problemsOf } from './support.js';

const codes = (traits: unknown): Promise<string[]> => codesOf(() => checkTraits(traits));
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
};

describe('known traits', () => {
  it('a value that is nearly allowed is refused with the one that was meant', async () => {
    const [problem] = await problemsOf(() => checkTraits({ renewal_status: 'At-Risk' }));
    expect(problem).toMatchObject({ code: 'trait_not_allowed', path: '/traits/renewal_status' });
    expect(problem?.hint).toContain('did you mean `at_risk`?');
    const [term] = await problemsOf(() => checkTraits({ contract_term: 'anual' }));
    expect(term?.hint).toContain('did you mean `annual`?');
  });

  it('names from the prototype of an object are no allowed values', async () => {
    expect(await codes({ renewal_status: 'constructor' })).toEqual(['trait_not_allowed']);
  });

  it.each([
    ['renewal_status', 5, 'trait_type'],
    ['payment_terms', '', 'trait_not_allowed'],
    ['signed_up_at', '2025-02-30', 'trait_not_time'],
    ['signed_up_at', 1_700_000_000_000, 'trait_not_time'],
    ['signed_up_at', new Date(0), 'trait_not_time'],
    ['signed_up_at', '', 'trait_not_time'],
    ['renewal_date', '31.12.2026', 'trait_not_time'],
    ['on_contract', 'true', 'trait_type'],
    ['on_contract', 1, 'trait_type'],
    ['name', 7, 'trait_type'],
    ['email', ['a@example.com'], 'trait_type'],
    ['name', 'x'.repeat(1025), 'trait_too_long'],
    ['name', 'a\u0000', 'trait_bad_text'],
    ['email', '\ud800@example.com', 'trait_bad_text'],
  ])('%s cannot be %j', async (key, value, code) => {
    const [problem, ...rest] = await problemsOf(() => checkTraits({ [key]: value }));
    expect(problem).toMatchObject({ code, path: `/traits/${key}` });
    expect(rest).toEqual([]);
  });

  it('null empties any of them, undefined is not sent', () => {
    expect(
      checkTraits({ name: null, signed_up_at: null, on_contract: null, email: undefined }).columns,
    ).toEqual({
      name: null,
      signed_up_at: null,
      on_contract: null,
    });
  });

  it('the e-mail address of a company is a custom field, that of a user a column', () => {
    expect(checkTraits({ email: 'a@example.com' }, { of: 'company' }).columns).toEqual({});
    expect(checkTraits({ email: 'a@example.com' }).columns).toEqual({ email: 'a@example.com' });
  });
});

describe('custom traits', () => {
  it.each([
    ['NUL in a value', { a: 'x\u0000' }, 'trait_bad_text', '/traits/a'],
    ['NUL in a name', { 'a\u0000': 1 }, 'trait_bad_text', '/traits/a\u0000'],
    ['half a surrogate pair in a value', { a: ['\udc00'] }, 'trait_bad_text', '/traits/a/0'],
    ['half a surrogate pair in a nested name', { a: { '\ud800': 1 } }, 'trait_bad_text', '/traits/a/\ud800'],
    ['a number that is not finite', { a: { b: Number.NaN } }, 'trait_bad_number', '/traits/a/b'],
    ['a whole number past 2^53', { a: 2 ** 53 }, 'trait_bad_number', '/traits/a'],
    ['a whole number far past 2^53', { a: -1e300 }, 'trait_bad_number', '/traits/a'],
    ['a Date', { a: new Date(0) }, 'trait_not_json', '/traits/a'],
    ['a function', { a: { toJSON: () => 1 } }, 'trait_not_json', '/traits/a/toJSON'],
    ['a bigint', { a: 1n }, 'trait_not_json', '/traits/a'],
    ['undefined inside a list', { a: [undefined] }, 'trait_not_json', '/traits/a/0'],
    ['65 levels', { a: deep(65) }, 'trait_too_deep', `/traits/a${'/0'.repeat(64)}`],
    ['more than 32 KiB', { a: 'x'.repeat(32_768) }, 'traits_too_large', '/traits'],
    ['32 KiB of names to remove', { ['x'.repeat(33_000)]: null }, 'traits_too_large', '/traits'],
  ])('%s is refused with its place', async (_, traits, code, path) => {
    const problems = await problemsOf(() => checkTraits(traits));
    expect(problems.map((each) => [each.code, each.path])).toEqual([[code, path]]);
  });

  it('slashes and tildes of a name are escaped in the path', async () => {
    const [problem] = await problemsOf(() => checkTraits({ 'a/b~c': 2 ** 60 }));
    expect(problem?.path).toBe('/traits/a~1b~0c');
  });

  it.each([[0], [-1.5], [2 ** 53 - 1], [5e-324], [0.1], [''], [false], [[]], [{}], [deep(64)], ['😀']])(
    '%j is taken',
    (value) => {
      expect(checkTraits({ a: value }).custom['a']).toEqual(value);
    },
  );

  it('a value that holds itself is refused, not followed for ever', async () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(await codes({ loop })).toEqual(['trait_too_deep']);
  });

  it('a report stops at about a hundred problems', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, Number.NaN]));
    expect((await codes(many)).length).toBeLessThanOrEqual(200);
    expect(
      (await codes({ list: Array.from({ length: 5000 }, () => Number.NaN) })).length,
    ).toBeLessThanOrEqual(200);
  });

  it.each([[null], ['admin'], [[]], [3], [new Map()]])('traits that are %j are refused', async (traits) => {
    expect(await codes(traits)).toEqual(['traits_not_object']);
  });
});

/** Null when the traits are refused as a caller may expect; any other error is a fault and passes on. */
function checkedOrRefused(traits: unknown): CheckedTraits | null {
  try {
    return checkTraits(traits);
  } catch (error) {
    if (error instanceof MusterError && [400, 413].includes(error.status)) return null;
    throw error;
  }
}

describe('against the database', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
  });

  it('any JSON that the check takes comes back unchanged, and what it refuses is refused with a code', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', 'constructor', '\u0000', '\ud800', ''),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: false }),
      ),
    })).any;
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(text, value, { maxKeys: 6 }), async (traits) => {
        const checked = checkedOrRefused(traits);
        if (checked === null) return;
        taken += 1;
        const workspaceId = `p${taken}`;
        await identify(db.pool, { workspaceId, userId: 'jane', traits });
        const { rows } = await db.pool.query<{ fields: string }>(
          'SELECT custom_fields::text AS fields FROM end_users WHERE workspace_id = $1',
          [workspaceId],
        );
        expect(JSON.parse(rows[0]?.fields ?? '')).toEqual(JSON.parse(JSON.stringify(checked.custom)));
      }),
      { seed: 20_260_101, numRuns: 150 },
    );
    expect(taken).toBeGreaterThan(25);
  });
});
