import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import type { Problem } from '../../src/errors/index.js';
import { filterErrors } from '../../src/errors/filter.js';
import { parseEventFilter, parseFilter } from '../../src/filter/parse.js';
import { operators } from '../../src/filter/parse/operators.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { objectsIn } from './json-in-text.js';

const moment = momentOf('2026-03-01T12:00:00Z', 'UTC');
const role = { var: 'custom:role' };

type Parse = (input: unknown) => unknown;

function problemsOf(parse: Parse, input: unknown): readonly Problem[] {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return [];
}

/** The one segment that the examples name. */
const segments = new Map([['power-users', { exists: role }]]);
const parsePeople: Parse = (input) => parseFilter(input, { segments });

const hintFor = (input: unknown): string => problemsOf(parseFilter, input)[0]?.hint ?? '';

/** A clause as it is; a field or a time inside the smallest clause that it can stand in. */
function asFilter(part: unknown, field: string): unknown {
  if (typeof part !== 'object' || part === null) return part;
  const [key = ''] = Object.keys(part);
  if (key === 'var') return { exists: part };
  if (['ago', 'from_now', 'at', 'start_of'].includes(key)) return { '>=': [{ var: field }, part] };
  return part;
}

const foreignWords =
  'startsWith endsWith !in notIn nin not_between doesNotContain nexists !exists xor nand nor all any some none min max last map ' +
  'cat + semver === !== <> neq isnt like includes blank if !! regex contians adn var lower ago at frobnicate missing_some ' +
  'is_null present within has_only';
const words = [...operators.keys(), ...foreignWords.split(' ')];
const fields = [
  'custom:role',
  'role',
  'address.city',
  'email',
  'on_contract',
  'signed_up_at',
  'company.plan',
];

const fieldArbitrary = fc
  .constantFrom(...fields, 'property:amount', 'custom:/a/b')
  .map((name) => ({ var: name }));
const valueArbitrary: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>('a', 5, true, null, [], ['a', 5], {}, { ago: [3, 'days'] }, { agoo: [3, 'days'] }),
  fc.constantFrom<unknown>(
    { at: 'soon' },
    { now: true },
    { start_of: ['weeks'] },
    '2026-01-31',
    'quote " and \\',
  ),
  fieldArbitrary,
  fieldArbitrary.map((field) => ({ lower: field })),
);
const clauseArbitrary = fc.letrec<{ clause: unknown }>((tie) => ({
  clause: fc
    .tuple(
      fc.constantFrom(...words),
      fc.oneof(
        { maxDepth: 2 },
        fc.tuple(fieldArbitrary, valueArbitrary),
        fc.tuple(valueArbitrary, fieldArbitrary),
        fc.tuple(valueArbitrary, fieldArbitrary, valueArbitrary),
        fc.tuple(fieldArbitrary, valueArbitrary, valueArbitrary),
        valueArbitrary,
        fc.array(tie('clause'), { maxLength: 3 }),
        fc.record({ event: valueArbitrary, where: tie('clause') }),
      ),
    )
    .map(([word, operands]) => ({ [word]: operands })),
})).clause;

it('every clause, field and time that a hint writes is taken by the language at that place', () => {
  const untrue: unknown[] = [];
  let followed = 0;
  for (const parse of [parsePeople, parseEventFilter]) {
    const field = parse === parsePeople ? 'signed_up_at' : 'property:at';
    for (const input of fc.sample(clauseArbitrary, { seed: 20_261, numRuns: 4000 })) {
      for (const { code, path, hint } of problemsOf(parse, input)) {
        // What stands inside `where` is read as there.
        const inside = parse === parseEventFilter || path.includes('/where');
        for (const part of objectsIn(hint)) {
          followed += 1;
          const asked = asFilter(part, inside ? 'property:at' : field);
          const problems = problemsOf(inside ? parseEventFilter : parsePeople, asked);
          if (problems.length > 0)
            untrue.push({ code, path, hint, problems: problems.map(({ message }) => message) });
        }
      }
    }
  }
  expect(untrue.slice(0, 5)).toEqual([]);
  expect(followed).toBeGreaterThan(1000);
});

it('every clause in the hints of the table of codes is taken by the language', () => {
  for (const [code, { hint }] of Object.entries(filterErrors)) {
    for (const part of objectsIn(hint.replace('{field}', 'custom:role'))) {
      expect([code, problemsOf(parseFilter, asFilter(part, 'signed_up_at'))]).toEqual([code, []]);
    }
  }
});

const values = ['a', 'b', 'ab', 'B', '', 5, 7, 0, true, false, null, undefined, ['a'], ['b', 'c']];
const people = values.map((value) => ({ custom_fields: value === undefined ? {} : { role: value } }));

/** Who is meant by a foreign operator; null where its languages differ on those people. */
type Meaning = (value: unknown) => boolean | null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isMissing = (value: unknown): boolean => value === null || value === undefined;

/** Operators of other languages with the operands they take, and what they mean there of a value that is there. */
const foreign: readonly (readonly [string, unknown, Meaning])[] = [
  ['!in', [role, ['a', 'b']], (v) => (isMissing(v) ? null : v !== 'a' && v !== 'b')],
  ['notIn', [role, ['a', 'b']], (v) => (isMissing(v) ? null : v !== 'a' && v !== 'b')],
  ['nin', [role, ['a', 'b']], (v) => (isMissing(v) ? null : v !== 'a' && v !== 'b')],
  ['doesNotContain', [role, 'a'], (v) => (isText(v) ? !v.includes('a') : null)],
  ['not_starts_with', [role, 'a'], (v) => (isText(v) ? !v.startsWith('a') : null)],
  ['notBetween', [role, 1, 6], (v) => (typeof v === 'number' ? !(v >= 1 && v <= 6) : null)],
  ['nexists', role, (v) => isMissing(v)],
  ['!exists', role, (v) => isMissing(v)],
  ['notnull', role, (v) => !isMissing(v)],
  ['===', [role, 'a'], (v) => v === 'a'],
  ['<>', [role, 'a'], (v) => (isText(v) ? v !== 'a' : null)],
  ['is_not', [role, 'a'], (v) => (isText(v) ? v !== 'a' : null)],
  ['gte', [role, 5], (v) => (typeof v === 'number' ? v >= 5 : null)],
  ['xor', [{ '==': [role, 'a'] }, { exists: role }], (v) => (v === 'a') !== !isMissing(v)],
  ['any', [{ '==': [role, 'a'] }, { '==': [role, 5] }], (v) => v === 'a' || v === 5],
  ['all', [{ exists: role }, { '==': [role, 5] }], (v) => v === 5],
  ['none', [{ '==': [role, 'a'] }, { missing: role }], (v) => !(v === 'a' || isMissing(v))],
  ['nand', [{ exists: role }, { '==': [role, 5] }], (v) => v !== 5],
];

it('a hint for an operator of another language keeps what it means there', () => {
  const untrue = foreign.flatMap(([word, operands, meaning]) => {
    const [written] = objectsIn(hintFor({ [word]: operands }));
    const matches = compilePredicate(parseFilter(written), moment);
    return values.flatMap((value, index) => {
      const meant = meaning(value);
      return meant === null || matches(people[index] ?? {}) === meant
        ? []
        : [{ word, value, written, meant }];
    });
  });
  expect(untrue).toEqual([]);
});

it('a hint for an operator with no counterpart names none: it asks for no other audience', () => {
  for (const word of [
    'min',
    'max',
    'last',
    'map',
    'filter',
    'reduce',
    'cat',
    'regex',
    'semver',
    'has_only',
    '+',
  ]) {
    expect([word, hintFor({ [word]: [role, 'a'] })]).not.toEqual([
      word,
      expect.stringContaining('did you mean'),
    ]);
  }
  for (const word of ['all', 'some', 'none']) {
    const hint = hintFor({ [word]: [{ var: 'custom:tags' }, { '==': [{ var: '' }, 'x'] }] });
    expect(hint).toContain('"has_any"');
  }
  // Whatever word one letter makes of an operator, what is proposed has that operator's letters.
  const letters = 'abcdefghijklmnopqrstuvwxyz!';
  for (const operator of operators.keys()) {
    for (const letter of letters) {
      // A first letter twice is a slip of the finger.
      if (letter === operator[0]) continue;
      const hint = hintFor({ [letter + operator]: [role, 'a'] });
      expect([letter + operator, hint]).not.toEqual([
        letter + operator,
        expect.stringContaining(`did you mean \`${operator}\``),
      ]);
    }
  }
});
