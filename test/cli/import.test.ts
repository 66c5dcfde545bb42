import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';
import type { Variables } from './muster.js';

let pool: Pool;
let database: Variables;
const folder = ownFolder();

beforeAll(async () => {
  const made = await testDatabase();
  pool = made.pool;
  database = { DATABASE_URL: made.url };
});

function fileOf(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it('a dry run shows what would become of each column and leaves neither people, workspace nor file', async () => {
  const file = fileOf(
    'dry.csv',
    'Customer ID;E-Mail Address;Plan;created_at\n1;a@example.com;pro;2026-01-31\n;b@example.com;pro;\n',
  );
  const args = ['import', file, '--id', 'Customer ID', '--map', 'E-Mail Address=email', '--workspace', 'dry'];
  const { code, out, err } = await muster([...args, '--dry-run'], database);
  expect([code, err]).toEqual([1, '']);
  expect(out).toMatch(/2 rows of .*dry\.csv would go into dry/);
  expect(out).toContain('read as CSV with semicolons, UTF-8');
  expect(out).toMatch(/E-Mail Address +email +text +1 +0 +0 +it is mapped\n/);
  expect(out).toContain("load it with --map 'created_at=signed_up_at'");
  expect(out).toContain('nothing was written; run it again without --dry-run');
  const { rows } = await pool.query(
    `SELECT 1 FROM end_users WHERE workspace_id = 'dry' UNION ALL SELECT 1 FROM workspaces WHERE workspace_id = 'dry'`,
  );
  expect(rows).toEqual([]);
  expect(existsSync(`${file}.rejects.csv`)).toBe(false);
  // What it says of a column left out works.
  const real = await muster([...args, '--map', 'created_at=signed_up_at', '--json'], database);
  expect([real.code, JSON.parse(real.out)]).toMatchObject([
    1,
    { created: 1, rejected: 1, cells_refused: 0, dry_run: false, delimiter: ';', encoding: 'utf-8' },
  ]);
});

it('`-` reads standard input, and without a refusal the command ends with 0', async () => {
  const { code, out, err } = await muster(
    ['import', '-', '--workspace', 'pipe', '--json'],
    database,
    'user_id\tn\na\t1\n',
  );
  expect([code, err, JSON.parse(out)]).toMatchObject([
    0,
    '',
    { rows: 1, created: 1, format: 'tsv', rejects_file: null },
  ]);
});

it('a refused cell ends the command with 1, and the mended rejects file with 0', async () => {
  const file = fileOf('cells.csv', 'user_id,signed_up_at\na,31.12.2026\nb,2026-01-31\n');
  const first = await muster(['import', file, '--workspace', 'cells'], database);
  expect([first.code, first.err]).toEqual([1, '']);
  expect(first.out).toMatch(/1 {3}cell refused, everything else in the row is loaded/);
  const rejects = `${file}.rejects.csv`;
  expect(readFileSync(rejects, 'utf8')).toContain('31.12.2026');
  const again = await muster(
    ['import', rejects, '--workspace', 'cells', '--dates', 'dmy', '--json'],
    database,
  );
  expect([again.code, JSON.parse(again.out)]).toMatchObject([0, { rows: 1, created: 0, updated: 1 }]);
  const { rows } = await pool.query(
    `SELECT user_id, custom_fields FROM end_users WHERE workspace_id = 'cells' AND signed_up_at = '2026-12-31T00:00:00Z'`,
  );
  expect(rows).toEqual([{ user_id: 'a', custom_fields: {} }]);
});

it('prints the first 50 columns, those that refused something and those left out, and says how many more', async () => {
  const names = Array.from({ length: 150 }, (_, index) => `c${index}`);
  const unread = Array.from({ length: 60 }, () => 'created_at');
  const header = ['user_id', ...names, 'signed_up_at', ...unread];
  const row = header.map((name) => (name === 'signed_up_at' ? 'soon' : 'x'));
  const file = fileOf('wide.csv', `${header.join(',')}\n${row.join(',')}\n`);
  const args = ['import', file, '--workspace', 'wide', '--dry-run'];
  const { out } = await muster(args, database);
  expect(out).toMatch(/\n +c48 .*\n +signed_up_at .*such as `soon`/);
  expect(out).toContain('and 101 more columns loaded; --json lists all');
  expect(out.match(/left out: /g)).toHaveLength(50);
  expect(out).toContain('and 10 more columns left out; --json lists all');
  const json = await muster([...args, '--json'], database);
  expect(JSON.parse(json.out)).toHaveProperty('columns.length', header.length);
});

it('--events loads what people did before, says what became of each column, and takes no option of people', async () => {
  const file = fileOf(
    'orders.csv',
    'Customer,event,timestamp,amount\na,order,2026-03-01,19.90\na,order,,5\n',
  );
  const args = ['import', file, '--events', '--map', 'Customer=user_id', '--workspace', 'events'];
  const { code, out } = await muster(args, database);
  expect(code).toBe(1);
  expect(out).toMatch(/1 +events stored\n +0 +stored already\n +1 +rejected/);
  expect(out).toMatch(/amount +amount +number +1/);
  const again = await muster([...args, '--json'], database);
  expect(JSON.parse(again.out)).toMatchObject({ stored: 0, repeated: 1, rejected: 1 });
  const refused = await muster([...args, '--preset', 'stripe'], database);
  expect([refused.code, refused.err]).toEqual([
    2,
    expect.stringContaining("'--events' cannot be used with option '--preset"),
  ]);
});
