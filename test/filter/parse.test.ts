import { describe, expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';

const role = { var: 'custom:role' };
const name = { var: 'name' };
const signedUp = { var: 'signed_up_at' };

function problems(input: unknown): string[] {
  return refused(() => parseFilter(input)).map(({ code, path }) => `${code} ${path}`);
}

function hint(input: unknown): string | undefined {
  return refused(() => parseFilter(input))[0]?.hint;
}

function refused(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return [];
}

describe('a tree', () => {
  it('carries the path of each node in the document', () => {
    expect(parseFilter({ and: [{ '!': [{ '==': [role, 'admin'] }] }, { everyone: true }] })).toEqual({
      kind: 'and',
      path: '',
      operands: [
        {
          kind: 'not',
          path: '/and/0',
          operand: {
            kind: 'compare',
            path: '/and/0/!/0',
            operator: '==',
            subject: {
              field: { kind: 'custom', entity: 'user', form: 'key', tokens: ['role'] },
              lower: false,
            },
            value: { type: 'text', value: 'admin' },
          },
        },
        { kind: 'everyone', path: '/and/1' },
      ],
    });
  });

  it('has a time where a time column meets ISO text, and text where a trait does', () => {
    const column = parseFilter({ in: [signedUp, ['2026-01-01', { ago: [1, 'months'] }]] });
    const trait = parseFilter({ in: [role, ['2026-01-01']] });
    expect(column).toMatchObject({
      items: [
        { type: 'time', value: { kind: 'at', text: '2026-01-01' } },
        { type: 'time', value: { kind: 'ago', amount: 1, unit: 'months' } },
      ],
    });
    expect(trait).toMatchObject({ items: [{ type: 'text', value: '2026-01-01' }] });
  });

  it('has 0 where the document has -0', () => {
    const tree = parseFilterText('{"==": [{"var": "custom:n"}, -0]}');
    expect(Object.is(tree.kind === 'compare' && tree.value.value, 0)).toBe(true);
    expect(parseFilter({ '>': [signedUp, { ago: [-0, 'days'] }] })).toEqual(
      parseFilter({ '>': [signedUp, { ago: [0, 'days'] }] }),
    );
    expect(parseFilter({ '>': [signedUp, { start_of: ['day', -0] }] })).toEqual(
      parseFilter({ '>': [signedUp, { start_of: ['day'] }] }),
    );
  });

  it('takes values that a column no longer allows, so that old ones can be found', () => {
    for (const field of ['renewal_status', 'contract_term', 'payment_terms']) {
      expect(problems({ '==': [{ var: field }, 'retired_value'] })).toEqual([]);
    }
  });

  it.each([
    { exists: [role] },
    { missing: { var: ['custom:role'] } },
    { in: ['text', name] },
    { in: ['text', { lower: name }] },
    { in: [role, ['a', 1, true, { at: '2026-01-01' }, { ago: [0, 'days'] }]] },
    { everyone: true },
    { everyone: [] },
    { everyone: {} },
    { '==': [{ var: 'on_contract' }, false] },
    { between: [role, 'a', 'b'] },
    { between: [{ lower: role }, 'a', 'b'] },
    { contains: [role, ''] },
    { has: [name, 'x'] },
    { '>': [signedUp, { start_of: 'quarter' }] },
    { '>': [signedUp, { start_of: ['year', -100_000] }] },
    { '>': [signedUp, { from_now: [100_000, 'minutes'] }] },
    { '>': [signedUp, { at: ['2026-01-01T00:00:00.123456+15:59'] }] },
    { '==': [role, 9007199254740991] },
    { '==': [role, 0.1] },
    { percent: ['', 0, 0.001] },
    { '==': [{ var: 'company.company_id' }, 'c1'] },
    { '<': [{ var: 'company.days_since_signup' }, -1] },
  ])('comes from %j', (input) => {
    expect(problems(input)).toEqual([]);
  });
});

describe('every problem comes out in one report', () => {
  it('with its place in the document', () => {
    expect(
      problems({
        and: [
          { '<': [{ var: 'role' }, null] },
          { or: [] },
          { '!': [{ between: [signedUp, 5, 'soon'] }] },
          { regex: 1 },
          { exists: role, 'a/b~c': 1 },
          5,
        ],
      }),
    ).toEqual([
      'unknown_field /and/0/</0/var',
      'null_literal /and/0/</1',
      'empty_list /and/1/or',
      'literal_type /and/2/!/0/between/1',
      'bad_time /and/2/!/0/between/2',
      'unknown_operator /and/3/regex',
      'unknown_key /and/4/a~1b~0c',
      'filter_not_object /and/5',
    ]);
  });

  it.each<[unknown, string[]]>([
    [{ and: [{ exists: role }, { regex: 1 }] }, ['unknown_operator /and/1/regex']],
    [{ or: [{ regex: 1 }, { exists: role }] }, ['unknown_operator /or/0/regex']],
    [{ in: [role, ['a', null]] }, ['null_literal /in/1/1']],
    [{ '!': { and: [{ exists: role }, { '!': {} }] } }, ['empty_filter /!/and/1/!']],
  ])('and what is left of %j never stands for the whole', (input, expected) => {
    expect(problems(input)).toEqual(expected);
  });

  it('and the report ends after 100', () => {
    expect(problems({ in: [role, Array.from({ length: 9000 }, () => null)] })).toHaveLength(100);
  });

  it('and several operators in one object are each read', () => {
    expect(problems({ '<': [role, null], missing: {} })).toEqual([
      'several_operators ',
      'null_literal /</1',
      'var_expected /missing',
    ]);
  });
});

describe('operands', () => {
  it.each<[unknown, string[]]>([
    [{ '==': 'x' }, ['wrong_arity /==']],
    [{ '==': [role, 'a', 'b'] }, ['wrong_arity /==']],
    [{ '==': [role, role] }, ['literal_expected /==/1']],
    [{ '==': [role, ['a']] }, ['literal_expected /==/1']],
    [{ '==': [role, undefined] }, ['literal_expected /==/1']],
    [{ '==': [{ var: 'custom:role', extra: 1 }, 'a'] }, ['unknown_key /==/0/extra']],
    [{ '==': [{ var: ['custom:role', 'user'] }, 'a'] }, ['wrong_arity /==/0/var']],
    [{ '==': [{ var: [] }, 'a'] }, ['wrong_arity /==/0/var']],
    [{ '==': [{ var: 5 }, 'a'] }, ['literal_expected /==/0/var']],
    [{ '==': [{ var: '' }, 'a'] }, ['unknown_field /==/0/var']],
    [{ '==': [{ var: 'custom:' }, 'a'] }, ['unknown_field /==/0/var']],
    [{ '==': [{ var: 'property:x' }, 'a'] }, ['unknown_field /==/0/var']],
    [{ '==': ['admin', role] }, ['var_expected /==/0']],
    [{ '==': ['admin', { var: 'role' }] }, ['var_expected /==/0', 'unknown_field /==/1/var']],
    [{ '<': [1, role, 5] }, ['wrong_arity /<']],
    [{ between: [1, role, 5] }, ['var_expected /between/0']],
    [{ between: [role, 5] }, ['wrong_arity /between']],
    [{ between: [role, { ago: [1, 'days'] }, '2026-01-01'] }, ['mixed_bounds /between']],
    [{ between: [role, true, false] }, ['operator_type /between/1', 'operator_type /between/2']],
    [{ between: [{ var: 'on_contract' }, true, false] }, ['operator_type /between/0']],
    [{ '<': [{ var: 'on_contract' }, true] }, ['operator_type /</0']],
    [{ '>=': [role, false] }, ['operator_type />=/1']],
    [{ in: [role, 'admin'] }, ['literal_expected /in/1']],
    [{ in: [5, role] }, ['var_expected /in/0']],
    [{ in: [role, ['a', null, {}]] }, ['null_literal /in/1/1', 'literal_expected /in/1/2']],
    [{ in: [signedUp, ['2026-01-01', 'x', 1]] }, ['bad_time /in/1/1', 'literal_type /in/1/2']],
    [{ in: ['x', { var: 'signed_up_at' }] }, ['operator_type /in/1']],
    [{ contains: [role, 5] }, ['literal_expected /contains/1']],
    [{ contains: [signedUp, '2026'] }, ['operator_type /contains/0']],
    [{ starts_with: [{ var: 'on_contract' }, 't'] }, ['operator_type /starts_with/0']],
    [{ ends_with: [{ var: 'days_since_signup' }, '0'] }, ['operator_type /ends_with/0']],
    [{ contains: ['Ltd', name] }, ['var_expected /contains/0']],
    [{ has: [signedUp, 'x'] }, ['operator_type /has/0']],
    [{ has: [{ var: 'on_contract' }, true] }, ['operator_type /has/0']],
    [{ has_any: [{ var: 'days_since_signup' }, [1]] }, ['operator_type /has_any/0']],
    [{ has: [role, ['a', 'b']] }, ['literal_expected /has/1']],
    [{ has: [name, 5] }, ['literal_type /has/1']],
    [{ has: [role, { ago: [1, 'days'] }] }, ['operator_type /has/1']],
    [{ has_all: [role, ['a', { at: '2026-01-01' }]] }, ['operator_type /has_all/1/1']],
    [{ has_any: [role, 'a'] }, ['literal_expected /has_any/1']],
    [{ has_any: [role, []] }, ['empty_list /has_any/1']],
    [{ exists: 'custom:role' }, ['var_expected /exists']],
    [{ missing: ['name', 'email'] }, ['wrong_arity /missing']],
    [{ exists: [role, name] }, ['wrong_arity /exists']],
    [{ '!': [] }, ['wrong_arity /!']],
    [{ '!': [{ exists: role }, { exists: name }] }, ['wrong_arity /!']],
    [{ '!': role }, ['unknown_operator /!/var']],
    [{ and: { exists: role } }, ['wrong_arity /and']],
    [{ and: [] }, ['empty_list /and']],
    [{ everyone: false }, ['wrong_arity /everyone']],
    [{ everyone: { role: 1 } }, ['wrong_arity /everyone']],
    [[], ['empty_filter ']],
    [[{ exists: role }], ['filter_not_object ']],
    [null, ['filter_not_object ']],
    [undefined, ['filter_not_object ']],
    [{ '==': [name, true] }, ['literal_type /==/1']],
    [{ '==': [name, { ago: [1, 'days'] }] }, ['literal_type /==/1']],
    [{ '==': [{ var: 'on_contract' }, 'true'] }, ['literal_type /==/1']],
    [{ '==': [{ var: 'days_since_signup' }, '3'] }, ['literal_type /==/1']],
    [{ '==': [{ var: 'days_since_signup' }, { ago: [3, 'days'] }] }, ['literal_type /==/1']],
    [{ '==': [{ lower: role }, 5] }, ['literal_type /==/1']],
    [{ in: [{ lower: role }, ['a', { at: '2026-01-01' }]] }, ['literal_type /in/1/1']],
    [{ '==': [{ lower: signedUp }, '2026-01-01'] }, ['operator_type /==/0/lower']],
    [{ '==': [{ lower: 'email' }, 'x'] }, ['var_expected /==/0/lower']],
    [{ '==': [{ lower: role, upper: role }, 'x'] }, ['unknown_key /==/0/upper']],
    [{ '==': [{ lower: { lower: role } }, 'x'] }, ['operator_type /==/0/lower']],
    [{ exists: { lower: role } }, ['operator_type /exists']],
    [{ missing: { lower: role } }, ['operator_type /missing']],
    [{ has: [{ lower: role }, 'a'] }, ['operator_type /has/0']],
  ])('%j: %j', (input, expected) => {
    expect(problems(input)).toEqual(expected);
  });

  it.each<[unknown, string[]]>([
    [{ ago: [30] }, ['bad_relative_time />/1/ago']],
    [{ ago: '30 days' }, ['bad_relative_time />/1/ago']],
    [{ ago: ['30', 'years'] }, ['bad_relative_time />/1/ago/0', 'bad_relative_time />/1/ago/1']],
    [{ ago: [-1, 'days'] }, ['bad_relative_time />/1/ago/0']],
    [{ from_now: [0.5, 'days'] }, ['bad_relative_time />/1/from_now/0']],
    [{ from_now: [100_001, 'days'] }, ['bad_relative_time />/1/from_now/0']],
    [{ ago: [Number.NaN, 'days'] }, ['bad_relative_time />/1/ago/0']],
    [{ start_of: 'days' }, ['bad_relative_time />/1/start_of']],
    [{ start_of: ['hour', 0] }, ['bad_relative_time />/1/start_of/0']],
    [{ start_of: ['day', 100_001] }, ['bad_relative_time />/1/start_of/1']],
    [{ start_of: ['day', null] }, ['bad_relative_time />/1/start_of/1']],
    [{ start_of: [] }, ['bad_relative_time />/1/start_of']],
    [{ at: 5 }, ['literal_expected />/1/at']],
    [{ at: '2026-13-01' }, ['bad_time />/1/at']],
    [{ at: '2026-01-01', zone: 'UTC' }, ['unknown_key />/1/zone']],
    [{ ago: [1, 'days'], from_now: [1, 'days'] }, ['unknown_key />/1/from_now']],
    [{ now: true }, ['literal_expected />/1']],
  ])('the time %j: %j', (time, expected) => {
    expect(problems({ '>': [signedUp, time] })).toEqual(expected);
  });

  it.each<[unknown, string[]]>([
    [['a', 0], ['bad_percent /percent']],
    [[1, 0, 10], ['bad_percent /percent/0']],
    [
      ['a', -1, 101],
      ['bad_percent /percent/1', 'bad_percent /percent/2'],
    ],
    [['a', '0', 10], ['bad_percent /percent/1']],
    [['a', Number.NaN, 10], ['bad_number /percent/1']],
    [['a', 20, 10], ['bad_percent /percent']],
    [['a\u0000', 0, 10], ['bad_text /percent/0']],
  ])('percent of %j: %j', (operands, expected) => {
    expect(problems({ percent: operands })).toEqual(expected);
  });
});

describe('did and segment', () => {
  it.each([
    { did: { event: 'x' } },
    { did: { event: 'x', count: ['==', 0] } },
    { did: { event: 'x', within: [14, 'days'], where: { '>': [{ var: 'property:amount' }, 5] } } },
    { did: { event: 'x', where: { and: [{ exists: { var: 'property:/a/0' } }, { everyone: true }] } } },
  ])('%j is well formed', (input) => {
    expect(problems(input)).toEqual([]);
  });

  it('did defaults to at least once, of all time, whatever the properties', () => {
    const node = { kind: 'did', path: '', event: 'x', within: null, where: null };
    expect(parseFilter({ did: { event: 'x' } })).toEqual({ ...node, count: { operator: '>=', value: 1 } });
    expect(parseFilter({ did: { event: 'x', count: ['<', 3], within: [2, 'weeks'] } })).toEqual({
      ...node,
      count: { operator: '<', value: 3 },
      within: { amount: 2, unit: 'weeks' },
    });
  });

  it('inside where the fields are properties, and outside they are not', () => {
    const where = { '==': [{ var: 'property:/a/b' }, 'x'] };
    expect(parseFilter({ did: { event: 'x', where } })).toMatchObject({
      where: {
        path: '/did/where',
        subject: { field: { kind: 'custom', entity: 'event', form: 'pointer', tokens: ['a', 'b'] } },
      },
    });
    expect(problems(where)).toEqual(['unknown_field /==/0/var']);
  });

  it.each<[unknown, string[]]>([
    ['x', ['wrong_arity /did']],
    [{}, ['missing_key /did']],
    [{ event: '' }, ['literal_expected /did/event']],
    [{ event: 'x', counts: 1 }, ['unknown_key /did/counts']],
    [{ event: 'x', count: ['~', -1] }, ['bad_count /did/count/0', 'bad_count /did/count/1']],
    [{ event: 'x', count: ['>=', 1.5] }, ['bad_count /did/count/1']],
    [{ event: 'x', within: 14 }, ['bad_relative_time /did/within']],
    [{ event: 'x', within: [14, 'day'] }, ['bad_relative_time /did/within/1']],
    [{ event: 'x', where: { exists: role } }, ['unknown_field /did/where/exists/var']],
    [{ event: 'x', where: {} }, ['empty_filter /did/where']],
    [{ event: 'x', where: { did: { event: 'y' } } }, ['not_in_where /did/where/did']],
    [{ event: 'x', where: { '!': { segment: 'y' } } }, ['not_in_where /did/where/!/segment']],
  ])('did %j: %j', (operands, expected) => {
    expect(problems({ did: operands })).toEqual(expected);
  });

  it.each<[unknown, string[]]>([
    ['power', ['no_segments_here /segment']],
    [['power'], ['no_segments_here /segment/0']],
    ['', ['literal_expected /segment']],
    [5, ['literal_expected /segment']],
    [{ key: 'power' }, ['literal_expected /segment']],
    ['a\ud800', ['bad_text /segment']],
  ])('segment %j: %j', (operands, expected) => {
    expect(problems({ segment: operands })).toEqual(expected);
  });
});

describe('a hint', () => {
  it.each([
    ['role', 'custom:role'],
    ['custom.role', 'custom:role'],
    ['traits.role', 'custom:role'],
    ['Custom:role', 'custom:role'],
    ['signedUpAt', 'signed_up_at'],
    ['signup_date', 'signed_up_at'],
    ['sigend_up_at', 'signed_up_at'],
    ['createdAt', 'created_at'],
    ['userId', 'user_id'],
    ['user.email', 'email'],
    ['last_seen_at', 'last_seen'],
    ['days_since_sign_up', 'days_since_signup'],
    ['company.plan', 'company.custom:plan'],
    ['company.signedUpAt', 'company.signed_up_at'],
    ['company.traits.plan', 'company.custom:plan'],
    ['company_id', 'company.company_id'],
    ['company.custom:', 'company.custom:role'],
    ['property:x', 'inside the "where" of "did"'],
    [
      'company.email',
      'only people have `email`, companies do not; a trait of the company is `company.custom:email`',
    ],
  ])('for the field %s names %s', (field, meant) => {
    expect(hint({ exists: { var: field } })).toContain(meant);
  });

  it.each([
    ['contians', '`contains`'],
    ['beginsWith', '`starts_with`'],
    ['has-any', '`has_any`'],
    ['===', '`==`'],
    ['not', '`!`'],
    ['AND', '`and`'],
    ['is_set', '`exists`'],
    ['gte', '`>=`'],
    ['everybody', '`everyone`'],
    ['ago', 'on the right of a condition'],
    ['var', 'a field alone is no condition'],
    ['nin', 'which includes people without a value'],
  ])('for the operator %s names %s', (operator, meant) => {
    expect(hint({ [operator]: [role, 'x'] })).toContain(meant);
  });

  it.each<[unknown, string]>([
    [{ '>=': [5, role, 1] }, 'write {"between": [{"var": "custom:role"}, 1, 5]}, both ends included'],
    [{ between: [1, role, 5] }, 'write {"between": [{"var": "custom:role"}, 1, 5]}'],
    [
      { '<': [{ ago: [1, 'days'] }, signedUp] },
      'write {">": [{"var": "signed_up_at"}, {"ago": [1, "days"]}]}',
    ],
    [{ in: [5, role] }, 'write {"has": [{"var": "custom:role"}, 5]}'],
    [{ '==': [{ lower: name }, null] }, 'write {"missing": {"var": "name"}}'],
    [{ '!=': [{ lower: name }, null] }, 'write {"exists": {"var": "name"}}'],
    [{ '==': [role, ['a', 'b']] }, '"in"'],
    [{ has: [role, ['a', 'b']] }, '"has_any" or "has_all"'],
    [{ '>': [signedUp, { agoo: [1, 'days'] }] }, 'did you mean `ago`?'],
    [{ '>': [signedUp, { now: true }] }, '{"ago": [0, "days"]}'],
    [{ '>': [signedUp, { ago: [1, 'years'] }] }, 'a year is 12 months'],
    [{ '>': [signedUp, { start_of: ['weeks'] }] }, 'did you mean `week`?'],
    [{ missing: ['custom:role'] }, 'write {"var": "custom:role"}'],
    [{ did: { evnet: 'x', event: 'x' } }, 'did you mean `event`?'],
    [true, '{"everyone": true}'],
    [[{ exists: role }], '{"and": [...]}'],
  ])('of %j says %s', (input, expected) => {
    expect(hint(input)).toContain(expected);
  });
});

describe('JSON text', () => {
  it.each<[string, string]>([
    ['', 'line 1, column 1 (offset 0)'],
    ['{"and": [1,]}', 'line 1, column 12 (offset 11)'],
    ['{"and": [}', 'line 1, column 10 (offset 9)'],
    ['{"and": [1}', 'line 1, column 11 (offset 10)'],
    ['{"a": 1,}', 'line 1, column 9 (offset 8)'],
    ["{'a': 1}", 'line 1, column 2 (offset 1)'],
    ['{"a" 1}', 'line 1, column 6 (offset 5)'],
    ['{"a": 01}', 'line 1, column 8 (offset 7)'],
    ['{"a": nul}', 'line 1, column 7 (offset 6)'],
    ['{"a": NaN}', 'line 1, column 7 (offset 6)'],
    ['{"a": "x', 'line 1, column 7 (offset 6)'],
    ['{"a": "\n"}', 'line 1, column 8 (offset 7)'],
    ['{"a": "\\x"}', 'line 1, column 8 (offset 7)'],
    ['{"a": 1}\n\n}', 'line 3, column 1 (offset 10)'],
    ['{"a": [1', 'line 1, column 9 (offset 8)'],
    ['\ufeff{}', 'line 1, column 1 (offset 0)'],
    ['{}{}', 'line 1, column 3 (offset 2)'],
  ])('%j is refused at %s', (text, position) => {
    const [problem] = refused(() => parseFilterText(text));
    expect(problem?.code).toBe('filter_not_json');
    expect(problem?.message).toContain(`at ${position}`);
  });

  it('refuses a key that stands twice, escaped or not, but not in two objects', () => {
    const twice = '{"and": [{"exists": {"var": "name"}, "\\u0065xists": {"var": "email"}}]}';
    expect(refused(() => parseFilterText(twice)).map(({ code }) => code)).toEqual(['duplicate_key']);
    const apart = '{"and": [{"exists": {"var": "name"}}, {"exists": {"var": "name"}}]}';
    expect(refused(() => parseFilterText(apart))).toEqual([]);
  });
});
