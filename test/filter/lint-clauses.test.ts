import { expect, it } from 'vitest';
import { columnInPlaceOf, fieldNamed } from '../../src/filter/fields.js';
import { lintFilter } from '../../src/filter/lint.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { visible } from '../../src/filter/visible.js';
import { insteadOfReserved, knownTrait, knownTraitNames } from '../../src/traits/known-traits.js';
import { objectsIn } from './json-in-text.js';

const moment = momentOf('2026-03-01T12:00:00Z', 'Europe/Berlin');
const role = { var: 'custom:role' };
const low = { lower: role };
const lint = (filter: unknown) => lintFilter(parseFilter(filter), moment);
const matches = (filter: unknown, value: unknown) =>
  compilePredicate(parseFilter(filter), moment)({ custom_fields: { role: value } });
const codes = (filter: unknown): string[] => lint(filter).map(({ code, path }) => `${code} ${path}`);

it.each<[unknown, string, string]>([
  [{ '==': [{ var: 'custom:email' }, 'a@b.c'] }, 'column_as_custom ', 'write {"var": "email"}'],
  [{ exists: { var: 'custom:customer_for' } }, 'column_as_custom ', 'write {"var": "days_since_signup"}'],
  [{ exists: { var: 'company.custom:name' } }, 'column_as_custom ', 'write {"var": "company.name"}'],
  [{ '==': [low, 'ABC'] }, 'never_lower_case ', 'write {"==": [{"lower": {"var": "custom:role"}}, "abc"]}'],
  [
    { in: [low, ['a', 'B']] },
    'never_lower_case ',
    'write {"in": [{"lower": {"var": "custom:role"}}, ["a", "b"]]}',
  ],
  [{ ends_with: [low, 'X'] }, 'never_lower_case ', '"x"'],
  [{ '!=': [low, 'X'] }, 'never_lower_case ', '"x"'],
  [
    { has: [role, 'Acme, Inc.'] },
    'comma_in_item ',
    'write {"contains": [{"var": "custom:role"}, "Acme, Inc."]}',
  ],
  [
    { in: [role, ['a,b,c']] },
    'one_text_for_list ',
    'write {"in": [{"var": "custom:role"}, ["a", "b", "c"]]}',
  ],
  [{ in: [role, ['mm1\nmm2']] }, 'unseen_characters ', 'without them'],
  [{ in: [role, ['mm1 ']] }, 'unseen_characters ', 'without them'],
  [{ '==': [role, 'Germany\u200B'] }, 'unseen_characters ', 'without them'],
  [{ '>=': [role, '2.10.0'] }, 'text_order ', 'parts of the version'],
  [{ '<': [role, '5'] }, 'text_order ', 'write 5 without quotes'],
  [
    { or: [{ '!=': [role, 'a'] }, { exists: { var: 'email' } }, { '!=': [role, 'b'] }] },
    'or_of_unequals ',
    'write {"!": {"in": [{"var": "custom:role"}, ["a", "b"]]}}',
  ],
  [{ did: { event: '*' } }, 'any_event ', 'name the event'],
  [
    { '<=': [{ var: 'last_seen' }, '2026-12-05'] },
    'day_as_end ',
    'write {"<": [{"var": "last_seen"}, {"at": "2026-12-06"}]}',
  ],
  [
    { between: [{ var: 'company.created_at' }, { ago: [9, 'days'] }, { at: '2026-12-05T00:00:00Z' }] },
    'day_as_end ',
    '{"<": [{"var": "company.created_at"}, {"at": "2026-12-06"}]}',
  ],
  [
    { did: { event: 'e', where: { '>': [{ var: 'property:v' }, '10'] } } },
    'text_order /did/where',
    '10 without quotes',
  ],
])('%j is pointed out', (filter, code, hint) => {
  expect(codes(filter)).toContain(code);
  const finding = lint(filter).find((each) => `${each.code} ${each.path}` === code);
  expect(finding?.hint).toContain(hint);
});

it('the clause of a hint means what the hint says: it is taken, and finds nothing wrong with itself', () => {
  for (const filter of [
    { '==': [low, 'ABC'] },
    { in: [low, ['a', 'B']] },
    { contains: [low, 'X'] },
    { has: [role, 'Acme, Inc.'] },
    { in: [role, ['a,b,c']] },
    { or: [{ '!=': [role, 'a'] }, { '!=': [role, 'b'] }] },
  ]) {
    const [finding] = lint(filter);
    const [clause] = objectsIn(finding?.hint ?? '');
    expect([filter, codes(clause)]).toEqual([filter, []]);
  }
  // A text in small letters meets what was asked for in capitals, and a capital never does.
  expect([matches({ '==': [low, 'ABC'] }, 'ABC'), matches({ '==': [low, 'abc'] }, 'ABC')]).toEqual([
    false,
    true,
  ]);
  expect([matches({ has: [role, 'x, y'] }, 'x, y'), matches({ contains: [role, 'x, y'] }, 'x, y')]).toEqual([
    false,
    true,
  ]);
  for (const value of ['a', 'b', 'c']) {
    expect(matches({ or: [{ '!=': [role, 'a'] }, { '!=': [role, 'b'] }] }, value)).toBe(true);
  }
  // What sorts the wrong way by its letters.
  expect([matches({ '>=': [role, '2.10.0'] }, '10.0.1'), matches({ '<': [role, '5'] }, '10')]).toEqual([
    false,
    true,
  ]);
});

it('what is meant as it stands is not pointed out', () => {
  for (const filter of [
    { '==': [{ var: 'custom:Email' }, 'a'] },
    { '==': [{ var: 'custom:/email/0' }, 'a'] },
    { exists: { var: 'custom:company_id' } },
    { exists: { var: 'company.custom:email' } },
    { '==': [low, 'élodie'] },
    { in: [role, ['Acme, Inc.']] },
    { in: [role, ['a', 'b,c,d']] },
    { contains: [role, ' x '] },
    // A joiner that makes an emoji is seen.
    { '==': [role, '\u{1F469}\u200D\u{1F467}'] },
    { '>=': [role, 'm'] },
    { '>=': [role, '2026-01-01'] },
    { or: [{ '!=': [role, 'a'] }, { '!=': [{ var: 'custom:plan' }, 'b'] }] },
    { or: [{ '!=': [role, 'a'] }, { '!=': [role, 5] }] },
    { and: [{ '!=': [role, 'a'] }, { '!=': [role, 'b'] }] },
    { did: { event: 'e' } },
  ]) {
    expect([filter, codes(filter)]).toEqual([filter, []]);
  }
});

it('a custom field is called impossible exactly where identify stores or refuses a trait of that name', () => {
  const names = [
    ...knownTraitNames,
    'id',
    'customer_for',
    'created_at',
    'updated_at',
    'first_seen',
    'last_seen',
  ];
  for (const key of [
    ...names,
    'last_contacted_at',
    'user_id',
    'company_id',
    'role',
    'Email',
    'days_since_signup',
  ]) {
    for (const [entity, prefix] of [
      ['user', ''],
      ['company', 'company.'],
    ] as const) {
      const field = fieldNamed(`${prefix}custom:${key}`);
      const column = field === null ? null : columnInPlaceOf(field);
      const stored = insteadOfReserved(key) === null && knownTrait(key, entity) === null;
      expect([prefix + key, column === null]).toEqual([prefix + key, stored]);
      expect([column, column === null || fieldNamed(column) !== null]).toEqual([column, true]);
    }
  }
});

it('texts that look alike are told apart when they are shown', () => {
  const alike = ['Germany', 'Germany ', 'Germany\u200B', 'Germany\u00A0', 'caf\u00E9', 'cafe\u0301'];
  expect(new Set(alike.map(visible)).size).toBe(alike.length);
  expect(alike.map(visible)).toEqual([
    'Germany',
    'Germany\\u0020',
    'Germany\\u200b',
    'Germany\\u00a0',
    'caf\u00E9',
    'cafe\\u0301',
  ]);
});
