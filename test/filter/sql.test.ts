import { beforeAll, expect, test } from 'vitest';
import { parseFilter } from '../../src/filter/parse.js';
import { baseIndexes, compileSql } from '../../src/filter/sql.js';
import type { CompiledSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { testDatabase } from '../support/database.js';

const moment = momentOf('2026-06-01T12:00:00Z', 'Europe/Berlin');
const { pool } = await testDatabase();

beforeAll(async () => {
  await pool.query(`
    INSERT INTO workspaces (workspace_id, name) VALUES ('w', 'w'), ('other', 'other');
    INSERT INTO companies (workspace_id, company_id, name, created_at, custom_fields) VALUES
      ('w', 'acme', 'Acme', '2026-05-01Z', '{"size": 50}'), ('w', 'blank', NULL, '2026-05-01Z', '{}'),
      ('other', 'acme', 'Not Acme', '2026-05-01Z', '{"size": 50}');
    INSERT INTO end_users (workspace_id, user_id, company_id, name, email, signed_up_at, created_at, on_contract, custom_fields)
    VALUES
      ('w', 'ada', 'acme', 'Ada', 'Ada@x.io', '2026-05-20T10:00:00.0009Z', '2026-05-01Z', true,
        '{"role": "admin", "seats": 12, "beta": true, "tags": ["a", 7], "plan": {"tier": "pro", "caps": [3, {"x": 1}]},
          "due": "2026-06-03T00:00:00+02:00",
          "late": "2026-06-02T08:01:00-15:59"}'),
      ('w', 'bob', 'blank', '', 'bob@x.io', NULL, '2026-06-01T11:00Z', false,
        '{"role": "Admin", "seats": "12", "beta": "true", "tags": " a , b,", "due": "2026-06-03", "plan": {"tier": null},
          "late": "2026-06-03T15:58:00+15:59"}'),
      ('w', 'cy', NULL, NULL, NULL, '2025-06-01T12:00Z', '2025-01-01Z', NULL,
        '{"role": null, "seats": 3.5, "beta": false, "tags": "", "due": "soon", "plan": ["pro"]}'),
      ('w', 'dee', 'gone', 'Łucja', 'DEE@X.IO', NULL, '2026-05-31T12:00:00Z', true,
        '{"seats": -1, "tags": {"a": 1}, "due": 20260603, "plan": {"caps": {"0": 3}}}'),
      ('other', 'eve', 'acme', 'Ada', 'Ada@x.io', '2026-05-20Z', '2026-05-01Z', true, '{"role": "admin", "seats": 12}');
  `);
});

const role = { var: 'custom:role' };
const seats = { var: 'custom:seats' };
const tags = { var: 'custom:tags' };
const due = { var: 'custom:due' };
const late = { var: 'custom:late' };
const name = { var: 'name' };
const days = { var: 'days_since_signup' };
const signedUp = { var: 'signed_up_at' };
const everybody = ['ada', 'bob', 'cy', 'dee'];

/** The main shapes: what the SQL is, what is bound, and who matches. */
const shapes: [filter: unknown, text: string, values: unknown[], people: string[]][] = [
  [{ everyone: true }, 'true', [], everybody],
  [{ '!': { everyone: true } }, 'false', [], []],
  [{ '==': [role, 'admin'] }, 'u.custom_fields @> $1::jsonb', ['{"role":"admin"}'], ['ada']],
  [
    { '!': { '==': [role, 'admin'] } },
    '(u.custom_fields @> $1::jsonb) IS NOT TRUE',
    ['{"role":"admin"}'],
    ['bob', 'cy', 'dee'],
  ],
  [
    { '!=': [role, 'admin'] },
    `jsonb_typeof(u.custom_fields -> 'role') = 'string' AND (u.custom_fields ->> 'role') <> $1::text`,
    ['admin'],
    ['bob'],
  ],
  [
    { '==': [{ lower: role }, 'admin'] },
    `lower((u.custom_fields ->> 'role') COLLATE "C") = $1::text AND jsonb_typeof(u.custom_fields -> 'role') = 'string'`,
    ['admin'],
    ['ada', 'bob'],
  ],
  [{ '==': [seats, 12] }, 'u.custom_fields @> $1::jsonb', ['{"seats":12}'], ['ada']],
  [
    { '>': [seats, 3] },
    `(u.custom_fields -> 'seats') > $1::jsonb AND (u.custom_fields -> 'seats') <= '1.7976931348623158e308'`,
    ['3'],
    ['ada', 'cy'],
  ],
  [
    { '<': [seats, 12] },
    `(u.custom_fields -> 'seats') >= '-1.7976931348623158e308' AND (u.custom_fields -> 'seats') < $1::jsonb`,
    ['12'],
    ['cy', 'dee'],
  ],
  [
    { between: [seats, 3.5, 12] },
    `(u.custom_fields -> 'seats') >= $1::jsonb AND (u.custom_fields -> 'seats') <= $2::jsonb`,
    ['3.5', '12'],
    ['ada', 'cy'],
  ],
  [{ '!=': [{ var: 'custom:beta' }, true] }, 'u.custom_fields @> $1::jsonb', ['{"beta":false}'], ['cy']],
  [
    { in: [role, ['admin', 7, true]] },
    'u.custom_fields @> ANY($1::jsonb[])',
    [['{"role":"admin"}', '{"role":7}', '{"role":true}']],
    ['ada'],
  ],
  [
    { '==': [{ var: 'custom:/plan/tier' }, 'pro'] },
    'u.custom_fields @> $1::jsonb',
    ['{"plan":{"tier":"pro"}}'],
    ['ada'],
  ],
  [
    { '==': [{ var: 'custom:/plan/caps/0' }, 3] },
    `(u.custom_fields -> 'plan' -> 'caps' #> '{0}') = $1::jsonb`,
    ['3'],
    ['ada', 'dee'],
  ],
  [{ exists: { var: 'custom:/plan/tier' } }, `(u.custom_fields -> 'plan' -> 'tier') <> 'null'`, [], ['ada']],
  [{ missing: role }, `((u.custom_fields -> 'role') <> 'null') IS NOT TRUE`, [], ['cy', 'dee']],
  [{ '!': { missing: role } }, `(u.custom_fields -> 'role') <> 'null'`, [], ['ada', 'bob']],
  [{ missing: name }, 'u.name IS NULL', [], ['cy']],
  [{ '==': [name, ''] }, 'u.name = $1::text', [''], ['bob']],
  [{ '>': [name, 'Z'] }, 'u.name > $1::text COLLATE "C"', ['Z'], ['dee']],
  [{ in: [name, ['Ada', 'Bo']] }, 'u.name = ANY($1::text[])', [['Ada', 'Bo']], ['ada']],
  [{ '==': [{ var: 'on_contract' }, false] }, 'u.on_contract = $1::boolean', [false], ['bob']],
  [{ contains: [name, 'd'] }, 'strpos(u.name, $1::text) > 0', ['d'], ['ada']],
  [{ ends_with: [name, 'ja'] }, 'right(u.name, length($1::text)) = $1::text', ['ja'], ['dee']],
  [
    { starts_with: [role, 'adm'] },
    `starts_with((u.custom_fields ->> 'role'), $1::text) AND ` +
      `(u.custom_fields ->> 'role') >= $1::text COLLATE "C" AND (u.custom_fields ->> 'role') < $2::text COLLATE "C" AND ` +
      `jsonb_typeof(u.custom_fields -> 'role') = 'string'`,
    ['adm', 'adn'],
    ['ada'],
  ],
  [
    { has: [tags, 'a'] },
    `(u.custom_fields @> $1::jsonb OR (jsonb_typeof(u.custom_fields -> 'tags') = 'string' AND ` +
      `strpos((u.custom_fields ->> 'tags'), $2::text) > 0 AND muster_items((u.custom_fields ->> 'tags')) @> ARRAY[$2::text]))`,
    ['{"tags":["a"]}', 'a'],
    ['ada', 'bob'],
  ],
  [{ has: [tags, 7] }, 'u.custom_fields @> $1::jsonb', ['{"tags":[7]}'], ['ada']],
  [
    { '<=': [signedUp, { at: '2026-05-20T10:00:00Z' }] },
    `u.signed_up_at >= '0001-01-01 00:00:00+00' AND u.signed_up_at < $1::timestamptz`,
    ['2026-05-20T10:00:00.001+00:00'],
    ['ada', 'cy'],
  ],
  [
    { '>': [signedUp, { at: '9999-12-31T23:59:59.999Z' }] },
    `u.signed_up_at >= $1::timestamptz AND u.signed_up_at < '10000-01-01 00:00:00+00'`,
    ['10000-01-01T00:00:00.000+00:00'],
    [],
  ],
  [
    { '>=': [due, { at: '2026-06-02T22:00:00Z' }] },
    `(u.custom_fields ->> 'due') COLLATE "C" >= $1::text AND (u.custom_fields ->> 'due') COLLATE "C" < $2::text AND ` +
      `muster_time(u.custom_fields -> 'due') >= $3::timestamptz AND ` +
      `muster_time(u.custom_fields -> 'due') < '10000-01-01 00:00:00+00'`,
    ['2026-06-02', ':', '2026-06-02T22:00:00.000+00:00'],
    ['ada', 'bob'],
  ],
  [
    { '<': [days, 2] },
    `COALESCE(u.signed_up_at, u.created_at) >= $1::timestamptz AND ` +
      `COALESCE(u.signed_up_at, u.created_at) < '10000-01-01 00:00:00+00'`,
    ['2026-05-30T12:00:00.001+00:00'],
    ['bob', 'dee'],
  ],
  [
    { '==': [{ var: 'company.name' }, 'Acme'] },
    'EXISTS (SELECT 1 FROM companies c WHERE c.workspace_id = u.workspace_id AND c.company_id = u.company_id AND ' +
      'c.name = $1::text)',
    ['Acme'],
    ['ada'],
  ],
  [
    { '!': { '==': [{ var: 'company.custom:size' }, 50] } },
    'NOT EXISTS (SELECT 1 FROM companies c WHERE c.workspace_id = u.workspace_id AND c.company_id = u.company_id AND ' +
      'c.custom_fields @> $1::jsonb)',
    ['{"size":50}'],
    ['bob', 'cy', 'dee'],
  ],
  [
    { '!': { and: [{ '==': [name, 'Ada'] }, { '!': { '==': [seats, 12] } }] } },
    '((u.name = $1::text) IS NOT TRUE OR u.custom_fields @> $2::jsonb)',
    ['Ada', '{"seats":12}'],
    everybody,
  ],
  [
    { percent: ['salt', 0, 40] },
    `('x' || substr(md5($1::text || ':' || COALESCE(u.user_id, u.anonymous_id)), 1, 8))::bit(32)::bigint::float8 ` +
      `/ 4294967296 * 100 < $2::float8`,
    ['salt', 40],
    ['cy'],
  ],
];

test.each(shapes)(
  '%j compiles to its SQL, and the database returns its people',
  async (filter, text, values, people) => {
    const compiled = compileSql(parseFilter(filter), { moment });
    expect({ text: compiled.text, values: compiled.values }).toEqual({ text, values });
    expect(await peopleOf(filter)).toEqual(people);
  },
);

/** More meaning than shape. */
const meanings: [filter: unknown, people: string[]][] = [
  [{ missing: { var: 'company.name' } }, ['bob', 'cy', 'dee']],
  [{ '!': { missing: { var: 'company.name' } } }, ['ada']],
  [{ exists: { var: 'company.name' } }, ['ada']],
  [{ missing: { var: 'company.company_id' } }, ['cy', 'dee']],
  [{ '!=': [{ var: 'company.name' }, 'Zeta'] }, ['ada']],
  [{ '==': [{ var: 'company.days_since_signup' }, 31] }, ['ada', 'bob']],
  [{ '==': [days, 12] }, ['ada']],
  [{ '==': [days, 365] }, ['cy']],
  [{ '==': [days, 1] }, ['dee']],
  [{ '==': [days, 1.5] }, []],
  [{ '!=': [days, 1.5] }, everybody],
  [{ '!=': [days, 12] }, ['bob', 'cy', 'dee']],
  [{ '>': [days, 11.5] }, ['ada', 'cy']],
  [{ '>=': [days, 12] }, ['ada', 'cy']],
  [{ '>': [days, 12] }, ['cy']],
  [{ '<=': [days, 0.5] }, ['bob']],
  [{ '<': [days, 0.5] }, ['bob']],
  [{ between: [days, 0.5, 12] }, ['ada', 'dee']],
  [{ between: [days, 1.2, 1.8] }, []],
  [{ in: [days, [0, 1, 12.5, 365]] }, ['bob', 'cy', 'dee']],
  [{ in: [days, Array.from({ length: 20 }, (_, index) => index * 4)] }, ['ada', 'bob']],
  [{ in: [days, Array.from({ length: 100 }, (_, index) => index * 4)] }, ['ada', 'bob']],
  [{ '<': [days, 1e15] }, everybody],
  [{ '>': [days, -1e15] }, everybody],
  [{ '>': [days, 1e15] }, []],
  // In Berlin the day of bob's begins at ada's instant.
  [{ '==': [due, { at: '2026-06-03' }] }, ['ada', 'bob']],
  [{ '!=': [due, { at: '2026-06-03' }] }, []],
  [{ '!=': [due, { at: '2026-06-02' }] }, ['ada', 'bob']],
  [{ in: [due, [{ at: '2026-06-03' }, 'soon', 20260603]] }, ['ada', 'bob', 'cy', 'dee']],
  [{ '!': { in: [due, [{ at: '2026-06-03' }, 'soon']] } }, ['dee']],
  [{ '==': [signedUp, { at: '2026-05-20T10:00:00Z' }] }, ['ada']],
  [{ '!=': [signedUp, { at: '2026-05-20T10:00:00Z' }] }, ['cy']],
  [{ in: [signedUp, [{ at: '2026-05-20T10:00:00Z' }, { at: '2025-06-01T12:00:00Z' }]] }, ['ada', 'cy']],
  [{ '>=': [late, { at: '2026-06-03' }] }, ['ada', 'bob']],
  [{ '<': [late, { at: '2026-06-03' }] }, []],
  [{ '<': [late, { at: '2026-06-04' }] }, ['ada', 'bob']],
  [{ '==': [late, { at: '2026-06-03' }] }, ['ada']],
  [{ '==': [late, { at: '2026-06-02T23:59:00Z' }] }, ['bob']],
  [{ has: [tags, ''] }, ['bob', 'cy']],
  [{ has: [tags, ' a'] }, []],
  [{ has: [tags, 'a,b'] }, []],
  [{ has_all: [tags, ['a', 'b']] }, ['bob']],
  [{ has_all: [tags, ['a', 7]] }, ['ada']],
  [{ has_any: [tags, ['b', 7]] }, ['ada', 'bob']],
  [{ has_any: [tags, ['b', 7, '1', '2', '3', '4', '5', '6', '7', '8']] }, ['ada', 'bob']],
  [{ '!': { has: [tags, 'a'] } }, ['cy', 'dee']],
  [{ has: [{ var: 'custom:/plan/caps' }, 3] }, ['ada']],
  [{ has: [name, 'Ada'] }, ['ada']],
  [{ exists: { var: 'custom:/plan/caps/1/x' } }, ['ada']],
  [{ exists: { var: 'custom:/plan/caps/01' } }, []],
  [{ exists: { var: 'custom:/plan/caps/-1' } }, []],
  [{ exists: { var: 'custom:/plan/caps/99999999999999999999' } }, []],
  [{ '==': [{ var: 'custom:/plan/0' }, 'pro'] }, ['cy']],
  [{ contains: [{ lower: { var: 'email' } }, 'x.io'] }, ['ada', 'bob', 'dee']],
  [{ '==': [{ lower: name }, 'łucja'] }, []],
  [{ '==': [{ lower: name }, 'Łucja'] }, ['dee']],
  [{ starts_with: [{ var: 'email' }, ''] }, ['ada', 'bob', 'dee']],
  [{ starts_with: [name, 'Ł'] }, ['dee']],
];

test.each(meanings)('%j matches its people, and ! matches exactly the others', async (filter, people) => {
  expect(await peopleOf(filter)).toEqual(people);
  expect(await peopleOf({ '!': filter })).toEqual(everybody.filter((person) => !people.includes(person)));
});

test('a list of any length gives the same people', async () => {
  for (const length of [1, 8, 9, 64, 65, 10_000]) {
    const filler = Array.from({ length: length - 1 }, (_, index) => `filler ${index}`);
    for (const operator of ['in', 'has_any'] as const) {
      const filter = {
        [operator]: [
          operator === 'in' ? role : tags,
          ['admin', ...filler].map((item) => (operator === 'in' ? item : item.replace('admin', 'a'))),
        ],
      };
      const people = operator === 'in' ? ['ada'] : ['ada', 'bob'];
      expect({ operator, length, people: await peopleOf(filter) }).toEqual({ operator, length, people });
      expect(await peopleOf({ '!': filter })).toEqual(everybody.filter((person) => !people.includes(person)));
    }
    expect(await peopleOf({ in: [name, ['Ada', ...filler]] })).toEqual(['ada']);
    expect(await peopleOf({ in: [{ lower: role }, ['admin', ...filler]] })).toEqual(['ada', 'bob']);
  }
});

test('it embeds into a statement with parameters and an alias of its own', async () => {
  for (const alias of ['c', 'user', 'Ada "1"', 'end_users']) {
    const compiled = compile(
      { or: [{ '==': [{ var: 'company.name' }, 'Acme'] }, { '==': [role, 'Admin'] }] },
      { offset: 2, alias },
    );
    expect(compiled.text).toMatch(/\$3.*\$4/);
    const quoted = `"${alias.replaceAll('"', '""')}"`;
    const { rows } = await pool.query<{ user_id: string }>(
      `SELECT user_id FROM end_users ${quoted} WHERE ${quoted}.workspace_id = $1 AND ${compiled.text} AND user_id <> $2`,
      ['w', 'nobody', ...compiled.values],
    );
    expect(rows.map(({ user_id }) => user_id).toSorted()).toEqual(['ada', 'bob']);
  }
});

test('the fields are those that the filter reads, once each', () => {
  const filter = {
    and: [
      { '==': [role, 'a'] },
      { or: [{ exists: role }, { missing: { var: 'company.custom:/a/b' } }] },
      { percent: ['s', 0, 1] },
    ],
  };
  expect(compile(filter).fields).toEqual(['custom:role', 'company.custom:/a/b', 'user_id']);
});

const admin = { '==': [role, 'admin'] };
const unindexed = { contains: [name, 'd'] };
const claims: [what: string, filter: unknown, indexes: [name: string | undefined, path: string][]][] = [
  ['a leaf names its index and its path', admin, [['end_users_custom_fields', '']]],
  ['a negated leaf claims nothing', { '!': admin }, []],
  ['an even number of ! claims again', { '!': { '!': admin } }, [['end_users_custom_fields', '/!/!']]],
  ['an or with an arm that has no index claims nothing', { or: [admin, unindexed] }, []],
  [
    'an or of indexed arms claims each',
    { or: [admin, { missing: signedUp }] },
    [
      ['end_users_custom_fields', '/or/0'],
      ['end_users_signed_up_at', '/or/1'],
    ],
  ],
  [
    'an and claims its indexed operands',
    { and: [unindexed, admin] },
    [['end_users_custom_fields', '/and/1']],
  ],
  ['a negated and is an or', { '!': { and: [{ '!': admin }, { '!': unindexed }] } }, []],
  [
    'a negated or is an and',
    { '!': { or: [{ '!': admin }, unindexed] } },
    [['end_users_custom_fields', '/!/or/0/!']],
  ],
  ['a suggestion has no name', { '>': [seats, 1] }, [[undefined, '']]],
  ['everyone claims nothing', { everyone: true }, []],
];

test.each(claims)('%s', (_, filter, indexes) => {
  const found = compile(filter).indexes;
  expect(found.map((index) => [index.name, index.path])).toEqual(indexes);
  expect(found.every((index) => index.exists === (index.name !== undefined))).toBe(true);
});

test('the indexes said to exist are those of the database, word for word', async () => {
  const { rows } = await pool.query<{ indexname: string; indexdef: string }>(
    `SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('end_users', 'companies', 'events')`,
  );
  const made = new Map(rows.map(({ indexname, indexdef }) => [indexname, plain(indexdef)]));
  for (const { name: index, definition, exists } of baseIndexes()) {
    expect({ index, definition: made.get(index ?? ''), exists }).toEqual({
      index,
      definition: plain(definition),
      exists: true,
    });
  }
});

/** Without what Postgres adds when it prints a definition. */
function plain(definition: string): string {
  return definition
    .replace(' public.', ' ')
    .replace('ON public.', 'ON ')
    .replace('ON ONLY ', 'ON ')
    .replace(' USING btree', '')
    .replaceAll('::text', '');
}

function compile(filter: unknown, options: { offset?: number; alias?: string } = {}): CompiledSql {
  return compileSql(parseFilter(filter), { moment, ...options });
}

async function peopleOf(filter: unknown): Promise<string[]> {
  const { text, values } = compile(filter, { offset: 1 });
  const { rows } = await pool.query<{ user_id: string }>(
    `SELECT user_id FROM end_users u WHERE u.workspace_id = $1 AND ${text} ORDER BY user_id`,
    ['w', ...values],
  );
  return rows.map(({ user_id }) => user_id);
}
