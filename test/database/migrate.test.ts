import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../src/database/migrate.js';
import { openPool } from '../../src/database/pool.js';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { emptyDatabase } from '../support/database.js';
import { containing } from '../support/matchers.js';

/** A folder of migrations, whose name has every character that a pattern would understand. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const base = mkdtempSync(join(tmpdir(), 'muster-migrations-'));
  afterFile(async () => rmSync(base, { recursive: true, force: true }));
  const folder = join(base, 'a [b] {c,d} (e) !f+ @g *?');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function tables(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

const FIRST = { '001.do.first.sql': 'CREATE TABLE first (id int);' };
const SECOND = { '002.do.second.sql': 'CREATE TABLE second (id int);' };

test('every migration of this version runs once, in order', async () => {
  const { pool } = await emptyDatabase();
  const versions = readdirSync(MIGRATIONS).map((file) => Number(file.slice(0, 3)));
  expect(await migrate(pool)).toEqual(versions.toSorted((a, b) => a - b));
  expect(await migrate(pool)).toEqual([]);
  expect(await tables(pool)).toEqual(expect.arrayContaining(['end_users', 'companies', 'workspaces']));
});

test('of eight that migrate at the same time, each on its own connection, one does the work and none fails', async () => {
  const { url } = await emptyDatabase();
  const pools = await Promise.all(Array.from({ length: 8 }, () => openPool(url, { max: 1 })));
  try {
    const ran = await Promise.all(pools.map((pool) => migrate(pool)));
    expect(ran.filter((versions) => versions.length > 0)).toHaveLength(1);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
});

test('a new file is applied on top of the old ones', async () => {
  const { pool } = await emptyDatabase();
  expect(await migrate(pool, { folder: folderWith(FIRST) })).toEqual([1]);
  expect(await migrate(pool, { folder: folderWith({ ...FIRST, ...SECOND }) })).toEqual([2]);
  expect(await tables(pool)).toEqual(['first', 'muster_schema', 'second']);
});

test('a migration that fails leaves nothing half-written, not even the good ones before it', async () => {
  const { pool } = await emptyDatabase();
  const broken = { '002.do.broken.sql': 'CREATE TABLE half (id int); INSERT INTO nowhere VALUES (1);' };
  await expect(migrate(pool, { folder: folderWith({ ...FIRST, ...broken }) })).rejects.toMatchObject({
    code: 'migration_failed',
    message: 'the migration `002.do.broken.sql` failed: relation "nowhere" does not exist',
  });
  expect(await tables(pool)).toEqual([]);
  expect(await migrate(pool, { folder: folderWith({ ...FIRST, ...SECOND }) })).toEqual([1, 2]);
});

test('a database that a newer Muster migrated is refused and left as it is', async () => {
  const { pool } = await emptyDatabase();
  await migrate(pool, { folder: folderWith({ ...FIRST, ...SECOND }) });
  await expect(migrate(pool, { folder: folderWith(FIRST) })).rejects.toMatchObject({
    code: 'database_newer',
    exit: 2,
    message: 'the database has schema version 2, this Muster knows versions up to 1',
  });
  expect(await tables(pool)).toEqual(['first', 'muster_schema', 'second']);
});

test('an applied file that changed is refused; other line ends are no change', async () => {
  const { pool } = await emptyDatabase();
  const text = 'CREATE TABLE first (\n  id int\n);\n';
  await migrate(pool, { folder: folderWith({ '001.do.first.sql': text }) });
  const windows = folderWith({ '001.do.first.sql': text.replaceAll('\n', '\r\n') });
  expect(await migrate(pool, { folder: windows })).toEqual([]);
  const edited = folderWith({ '001.do.first.sql': text.replace('int', 'bigint'), ...SECOND });
  await expect(migrate(pool, { folder: edited })).rejects.toMatchObject({
    code: 'database_changed',
    exit: 2,
    message: containing('`001.do.first.sql` is not the file that was applied'),
  });
  expect(await tables(pool)).toEqual(['first', 'muster_schema']);
});

test('a file that was skipped, or that is gone, is refused rather than passed over', async () => {
  const { pool } = await emptyDatabase();
  await migrate(pool, { folder: folderWith(SECOND) });
  await expect(migrate(pool, { folder: folderWith({ ...FIRST, ...SECOND }) })).rejects.toMatchObject({
    code: 'database_changed',
    message: containing('`001.do.first.sql` was never applied'),
  });
  const third = { '003.do.third.sql': 'CREATE TABLE third (id int);' };
  await expect(migrate(pool, { folder: folderWith({ ...FIRST, ...third }) })).rejects.toMatchObject({
    code: 'database_changed',
    message: containing('version 2 was applied and has no file'),
  });
});

test('a table of that name in another schema does not confuse it', async () => {
  const { pool } = await emptyDatabase();
  await pool.query(
    'CREATE SCHEMA other; CREATE TABLE other.muster_schema (version bigint); INSERT INTO other.muster_schema VALUES (99)',
  );
  expect(await migrate(pool, { folder: folderWith(FIRST) })).toEqual([1]);
});

test('it runs from a copy in another place, as after a build', async () => {
  const { pool } = await emptyDatabase();
  const folder = folderWith({});
  cpSync(MIGRATIONS, folder, { recursive: true });
  await migrate(pool, { folder });
  expect(await migrate(pool)).toEqual([]);
  expect(readFileSync(join(MIGRATIONS, '001.do.people.sql'), 'utf8')).toContain('CREATE TABLE end_users');
});
