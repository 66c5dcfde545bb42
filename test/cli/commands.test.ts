import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/database/migrate.js';
import type { Pool } from '../../src/database/pool.js';
import { shown as shownValue } from '../../src/cli/terminal.js';
import { isObject } from '../../src/filter/values.js';
import { emptyDatabase, testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';
import type { Ran, Variables } from './muster.js';

let pool: Pool;
let imported: Ran;
let database: Variables;
const folder = ownFolder();
const now = '2026-03-01T12:00:00Z';
const both = JSON.stringify({
  and: [{ '==': [{ var: 'custom:role' }, 'admin'] }, { '!': { exists: { var: 'email' } } }],
});

beforeAll(async () => {
  const made = await testDatabase();
  pool = made.pool;
  database = { DATABASE_URL: made.url };
  const users = join(folder, 'users.csv');
  writeFileSync(
    users,
    [
      'user_id,name,email,signed_up_at,role,seats',
      'u1,Ada,ada@example.com,2026-02-20,admin,3',
      'u2,,,2025-01-01,admin,',
      'u3,"Björn\u001b[31m, B.",,2026-02-25,Admin,10',
      ',Nobody,,,,',
    ].join('\n'),
  );
  imported = await muster(['import', users, '--json'], database);
});

it('import loads the good rows, puts the bad ones with their line and reason into a file of their own, and makes the workspace', async () => {
  // Something was refused.
  expect([imported.code, imported.err]).toEqual([1, '']);
  expect(JSON.parse(imported.out)).toMatchObject({
    rows: 4,
    created: 3,
    updated: 0,
    rejected: 1,
    rejects: [{ line: 5, code: 'row_no_user_id' }],
    rejects_file: join(folder, 'users.csv.rejects.csv'),
  });
  expect(readFileSync(join(folder, 'users.csv.rejects.csv'), 'utf8')).toContain('row_no_user_id');
  const people = await pool.query(
    `SELECT user_id FROM end_users WHERE workspace_id = 'sample' ORDER BY user_id`,
  );
  expect(people.rows).toEqual([{ user_id: 'u1' }, { user_id: 'u2' }, { user_id: 'u3' }]);
  const again = await muster(['import', join(folder, 'users.csv')], database);
  expect([again.code, again.err]).toEqual([1, '']);
  expect(again.out).toMatch(
    / {2}read as CSV with commas, UTF-8\n +0 {3}created\n +3 {3}updated\n +1 {3}rejected\n/,
  );
  expect(again.out).toMatch(/seats +seats +number +2 +1 +0\n\n +line 5 {3}the row has no `user_id`\n/);
});

it('import announces nobody unless asked, and with --fire-triggers only those who are new', async () => {
  const announced = async (): Promise<unknown[]> => {
    const { rows } = await pool.query<object>(
      `SELECT user_id FROM outbox WHERE workspace_id = 'sample' AND kind = 'user_created'`,
    );
    return rows;
  };
  expect(await announced()).toEqual([]);
  const more = join(folder, 'more.csv');
  writeFileSync(more, 'user_id,role\nu1,admin\nu4,viewer\n');
  const { code, err } = await muster(['import', more, '--fire-triggers'], database);
  expect([code, err]).toEqual([0, '']);
  expect(await announced()).toEqual([{ user_id: 'u4' }]);
  await pool.query(`DELETE FROM end_users WHERE workspace_id = 'sample' AND user_id = 'u4'`);
});

it('compile needs no server and prints the SQL, its values and the indexes', async () => {
  const { code, out, err } = await muster(['compile', both, '--now', now]);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('role is "admin"');
  expect(out).toContain('u.custom_fields @> $1::jsonb');
  expect(out).toContain('Served by  end_users_custom_fields');
  const json = await muster(['compile', both, '--now', now, '--json']);
  expect(keysOf(json.out)).toEqual(['text', 'values', 'fields', 'indexes', 'sentence']);
});

it('preview prints the count, the count of each condition and the people, and no control character of theirs', async () => {
  const { code, out, err } = await muster(['preview', both, '--now', now], database);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/ {2}1 person matches {2}exact, \d+ ms\n/);
  expect(out).toMatch(/2 {3}role is "admin"\n +1 {3}email is set {3}\(the filter takes those who do not\)\n/);
  expect(out).toMatch(/u2 {3}- {3}-\n$/);
  const all = await muster(['preview', '{"everyone": true}'], database);
  expect(all.out).toContain('Björn\\u001b[31m, B.');
  expect(all.out).not.toContain('\u001b');
});

it('a preview of nobody names the command that says why', async () => {
  const { out } = await muster(['preview', '{"==": [{"var": "custom:role"}, "nobody"]}'], database);
  expect(out).toContain('`muster report` with the same filter says where people are lost');
});

it('preview --json prints the answer of the API on one line', async () => {
  const { code, out } = await muster(['preview', both, '--now', now, '--sample', '0', '--json'], database);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    count: 1,
    exact: true,
    clauses: [
      { path: '/and/0', count: 2 },
      { path: '/and/1/!', count: 1 },
    ],
    sample: [],
  });
  expect(out.split('\n')).toHaveLength(2);
});

it('report prints where people are lost and what would help, and --json the answer of the API', async () => {
  const words = ['report', '{"==": [{"var": "custom:role"}, "Owner"]}', '--now', now];
  const { code, out, err } = await muster(words, database);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/ {2}0 of 3 people match /);
  expect(out).toMatch(/0 {3}0 {3}role is "Owner" {3}← nobody is left here\n/);
  expect(out).toContain('What would help');
  const json = await muster([...words, '--json'], database);
  expect(keysOf(json.out)).toEqual([
    'total',
    'matched',
    'emptied_by',
    'funnel',
    'values',
    'suggestions',
    'warnings',
    'took_ms',
  ]);
});

it('a value that looks like another is printed with what cannot be seen in it', () => {
  expect(shownValue('Owner\u200B')).toBe('"Owner\\u200b"');
  expect(shownValue('Owner')).toBe('"Owner"');
});

it('a preset, a file and inline JSON give the same answer', async () => {
  const file = join(folder, 'admins.json');
  writeFileSync(file, '{"==": [{"var": "custom:role"}, "admin"]}');
  const answers = await Promise.all(
    ['admins', file, readFileSync(file, 'utf8')].map((input) => muster(['compile', input, '--json'])),
  );
  expect(new Set(answers.map(({ out }) => out)).size).toBe(1);
  expect(answers[0]?.code).toBe(0);
});

it('explain says what was seen, what was wanted and why not', async () => {
  const { code, out, err } = await muster(['explain', 'admins', '--user', 'u3'], database);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(
    /^u3 does not match\n {2}role is "admin"\n\n {2}✗ role is "admin"\n {6}seen "Admin" {3}wanted "admin"\n {6}case_mismatch: /,
  );
  const json = await muster(['explain', 'admins', '--user', 'u1', '--json'], database);
  expect(JSON.parse(json.out)).toMatchObject({
    matched: true,
    clauses: [{ verdict: true, reason: 'matched' }],
  });
  const byAddress = await muster(['explain', 'admins', '--user', 'ADA@example.com', '--json'], database);
  expect(JSON.parse(byAddress.out)).toEqual(JSON.parse(json.out));
});

it('migrate brings an empty database to this version and says so, and a second time changes nothing', async () => {
  const { url } = await emptyDatabase();
  const first = await muster(['migrate', '--json'], { DATABASE_URL: url });
  expect(first.code).toBe(0);
  const files = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'));
  const numbers = files.map((name) => Number.parseInt(name, 10)).toSorted((one, other) => one - other);
  expect(JSON.parse(first.out)).toMatchObject({ migrated: numbers });
  const second = await muster(['migrate'], { DATABASE_URL: url });
  expect(second.out).toContain('is up to date');
  expect(second.out).not.toContain(new URL(url).password || ':none:');
});

it('every command has a help with examples, and help is no failure', async () => {
  for (const command of ['start', 'migrate', 'import', 'compile', 'preview', 'explain']) {
    const { code, out, err } = await muster([command, '--help']);
    expect([command, code, err]).toEqual([command, 0, '']);
    expect(out).toMatch(new RegExp(`^Usage: muster ${command}`));
    expect(out).toContain(`Examples:\n  $ `);
  }
  const { code, out } = await muster(['--version']);
  expect([code, out]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
});

function keysOf(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return isObject(value) ? Object.keys(value) : [];
}

it('template check counts who reads a gap and exits with 1 where nobody has the value; preview shows one person', async () => {
  const template = '{"title": "Hi {{ name }}", "text": "{{ signed_up_at }} {{ nope }}"}';
  const checked = await muster(['template', 'check', template, '--json'], database);
  expect(checked.code).toBe(1);
  expect(JSON.parse(checked.out)).toMatchObject({
    audience: 3,
    refusals: [{ code: 'tag_unknown_trait' }],
    warnings: [
      { code: 'tag_some_lack', message: expect.stringMatching(/^33\.3 % of this audience/) as unknown },
    ],
  });
  const shown = await muster(['template', 'preview', template, '--user', 'u1'], database);
  expect(shown.code).toBe(0);
  expect(shown.out).toContain('Hi Ada');
  expect(shown.out).toContain('ada@example.com');
});
