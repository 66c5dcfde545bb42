import { constantFrom, sample, string } from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { parseFilter } from '../../src/filter/parse.js';
import { quoteIdentifier, quoteLiteral } from '../../src/filter/sql/quote.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { testDatabase } from '../support/database.js';

const moment = momentOf('2026-06-01T12:00:00Z');
const { pool } = await testDatabase();

/** Keys and values that break out of a literal, an identifier, an array or a JSON text that is put together by hand. */
const hostile = [
  `'); DROP TABLE end_users; --`,
  `\\'); DROP TABLE end_users; --`,
  `"; DROP TABLE end_users; --`,
  `$$; DROP TABLE end_users; $$`,
  `$1`,
  `\\`,
  `\\\\'`,
  `'`,
  `''`,
  `"`,
  `{"a":1}`,
  `{a,b}`,
  `{`,
  `}`,
  `%_`,
  `NULL`,
  `null`,
  ` `,
  `\n\r\t\u0001`,
  `-- `,
  `/*`,
  `:`,
  `?`,
  `~`,
  `ключ`,
  `İıſK`,
  `😀\u{10ffff}`,
  `\ud7ff\ue000`,
  `__proto__`,
  `constructor`,
  `toString`,
  `0`,
  `-1`,
  `01`,
];

/** Values that break a cast or a comparison that trusts its type. */
const dirty = [
  'null', 'true', 'false', '0', '-0.0', '1e400', '-1e400', '1e-400', '9007199254740993', '""', '"10"', '" 7 "',
  '"NaN"', '"infinity"', '"-infinity"', '"now"', '"tomorrow"', '"epoch"', '"t"', '"0x1F"', '"2026-02-30"', '"2026-01-01"',
  '"2026-01-01T00:00:00+15:59"', '"0001-01-01T00:00:00+00:01"', '"9999-12-31T23:59:59.999-00:01"', '"10000-01-01"',
  '"0000-01-01"', '"01/02/2026"', '"2026-01-01T24:00:00Z"', '"2026-01-01T00:00:60Z"', '"20260101"', '[]', '[[]]',
  '[null]', '["a", 1, true, null, {"a": []}]', '{}', '{"0": {"0": 1}}', '{"": ""}', '"a,b"', '","', '"\\ud83d\\ude00"',
  '"' + 'x'.repeat(100) + '"', `${'['.repeat(50)}${']'.repeat(50)}`,
]; // prettier-ignore

beforeAll(async () => {
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('w', 'w')`);
  for (const [index, key] of hostile.entries()) {
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, name, custom_fields) VALUES ('w', $1, $2, $3::jsonb)`,
      [`key ${index}`, key, `{${JSON.stringify(key)}: ${JSON.stringify(key)}}`],
    );
  }
  for (const [index, value] of dirty.entries()) {
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, signed_up_at, created_at, custom_fields)
       VALUES ('w', $1, '0001-01-01Z', '9999-12-31T23:59:59.999999Z', $2::jsonb)`,
      [`value ${index}`, `{"x": ${value}, "deep": {"x": [${value}, {"y": ${value}}]}}`],
    );
  }
});

test.each(hostile)('the text %j is data as a key and as a value, in every operator', async (text) => {
  const own = `key ${hostile.indexOf(text)}`;
  const pointer = { var: `custom:/${text.replaceAll('~', '~0').replaceAll('/', '~1')}` };
  // A key that begins with / is read as a pointer, so it is only asked for as one.
  const fields = text.startsWith('/') ? [pointer] : [{ var: `custom:${text}` }, pointer];
  for (const field of fields) {
    for (const filter of [
      { '==': [field, text] },
      { in: [field, [text, 'a']] },
      { in: [field, [text, ...Array.from({ length: 20 }, (_, index) => `a${index}`)]] },
      { in: [field, [text, ...Array.from({ length: 70 }, (_, index) => `a${index}`)]] },
      { between: [field, text, text] },
      { '>=': [field, text] },
      { contains: [field, text] },
      { starts_with: [field, text] },
      { ends_with: [field, text] },
      { exists: field },
    ]) {
      expect({ filter, people: await peopleOf(filter) }).toEqual({ filter, people: [own] });
    }
    // Its own spaces are trimmed from an item, and its own comma splits it.
    const item = /^ | $|,/.test(text) ? [] : [own];
    expect(await peopleOf({ has: [field, text] })).toEqual(item);
    expect(await peopleOf({ has_any: [field, [text, 'zzz']] })).toEqual(item);
  }
  expect(await peopleOf({ '==': [{ var: 'name' }, text] })).toEqual([own]);
  expect(await peopleOf({ in: [{ var: 'name' }, [text, 'zzz']] })).toEqual([own]);
  expect(await peopleOf({ percent: [text, 0, 100] })).toHaveLength(hostile.length + dirty.length);
  expect(await count()).toBe(hostile.length + dirty.length);
});

test('no value of any type makes any operator raise, at the top or deep inside, and ! matches exactly the others', async () => {
  const filters: unknown[] = [];
  const texts = ['', 'a', '10', 'NaN'];
  const numbers = [0, -1, 10, 0.5, 1.7976931348623157e308 / 1e300, 5e-324, -9007199254740991];
  const times = [
    { at: '0001-01-01' },
    { at: '9999-12-31T23:59:59.999Z' },
    { ago: [30, 'days'] },
    { ago: [100000, 'months'] },
    { from_now: [100000, 'months'] },
  ];
  const paths = [
    'custom:x',
    'custom:/deep/x/0',
    'custom:/deep/x/1/y',
    'custom:/x/0',
    'custom:/x/a',
    'custom:/deep/x/-1',
  ];
  for (const field of paths.map((path) => ({ var: path }))) {
    for (const literal of [...texts, ...numbers, ...times]) {
      for (const operator of ['==', '!=', '<', '<=', '>', '>='])
        filters.push({ [operator]: [field, literal] });
      filters.push({ in: [field, [literal, true]] });
      filters.push({ between: [field, literal, literal] });
    }
    for (const literal of [true, false]) {
      filters.push({ '==': [field, literal] });
      filters.push({ '!=': [field, literal] });
    }
    for (const text of texts) {
      for (const operator of ['contains', 'starts_with', 'ends_with', 'has'])
        filters.push({ [operator]: [field, text] });
      for (const operator of ['==', '!=', '<', '>=']) filters.push({ [operator]: [{ lower: field }, text] });
    }
    filters.push({ has_any: [field, [1, true, 'a', '']] });
    filters.push({ has_all: [field, [1, true, 'a']] });
    filters.push({ has_any: [field, Array.from({ length: 20 }, (_, index) => index)] });
    filters.push({ exists: field });
    filters.push({ missing: field });
  }
  for (const column of ['signed_up_at', 'created_at', 'days_since_signup'].map((name) => ({ var: name }))) {
    const literals = column.var === 'days_since_signup' ? [-9007199254740991, -0.5, 9007199254740991] : times;
    for (const literal of literals) {
      for (const operator of ['==', '!=', '<', '<=', '>', '>='])
        filters.push({ [operator]: [column, literal] });
      filters.push({ in: [column, literals] });
    }
  }
  for (const filter of filters) {
    expect(await complement(filter)).toEqual({ filter, both: '0', neither: '0' });
  }
});

test('a number beyond the doubles is no number to compare with', async () => {
  for (const filter of [
    { '>': [{ var: 'custom:x' }, 1e15] },
    { '!=': [{ var: 'custom:x' }, 5] },
    { '<': [{ var: 'custom:x' }, -1e15] },
  ]) {
    const people = await peopleOf(filter);
    for (const beyond of ['1e400', '-1e400']) expect(people).not.toContain(`value ${dirty.indexOf(beyond)}`);
  }
});

test('every key and value survives quoting, whatever standard_conforming_strings says', async () => {
  const texts = sample(string({ unit: 'grapheme', maxLength: 12 }), { numRuns: 200, seed: 7 });
  const quoting = sample(string({ unit: constantFrom(`'`, '\\', '"', 'a', 'E', 'n', '0', '$', ';') }), {
    numRuns: 300,
    seed: 7,
  });
  const wanted = [...texts, ...quoting, ...hostile].filter((text) => !text.includes('\0'));
  const client = await pool.connect();
  try {
    for (const setting of ['on', 'off']) {
      await client.query(`SET standard_conforming_strings = ${setting}`);
      await client.query('SET escape_string_warning = off');
      const { rows } = await client.query<{ list: string[] }>(
        `SELECT ARRAY[${wanted.map(quoteLiteral).join(', ')}] AS list`,
      );
      expect(rows[0]?.list).toEqual(wanted);
    }
    const names = ['u', 'user', 'order', 'Ada', 'a"b', `'); DROP TABLE end_users; --`, 'é', ''].filter(
      (name) => name !== '',
    );
    for (const name of names) {
      const { fields } = await client.query(`SELECT 1 AS ${quoteIdentifier(name)}`);
      expect(fields[0]?.name).toBe(name);
    }
  } finally {
    await client.query('RESET ALL');
    client.release();
  }
});

/** How many people match both the filter and its `!`, and how many match neither. */
async function complement(filter: unknown): Promise<Record<string, unknown>> {
  const compiled = compileSql(parseFilter(filter), { moment, offset: 1 });
  const negated = compileSql(parseFilter({ '!': filter }), { moment, offset: 1 + compiled.values.length });
  const { rows } = await pool.query<{ both: string; neither: string }>(
    `SELECT count(*) FILTER (WHERE ${compiled.text} AND ${negated.text}) AS both,
       count(*) FILTER (WHERE (${compiled.text}) IS NOT TRUE AND (${negated.text}) IS NOT TRUE) AS neither
     FROM end_users u WHERE u.workspace_id = $1`,
    ['w', ...compiled.values, ...negated.values],
  );
  return { filter, ...rows[0] };
}

async function count(): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM end_users');
  return rows[0]?.count ?? 0;
}

async function peopleOf(filter: unknown): Promise<string[]> {
  const { text, values } = compileSql(parseFilter(filter), { moment, offset: 1 });
  const { rows } = await pool.query<{ user_id: string }>(
    `SELECT user_id FROM end_users u WHERE u.workspace_id = $1 AND ${text} ORDER BY user_id`,
    ['w', ...values],
  );
  return rows.map(({ user_id }) => user_id);
}
