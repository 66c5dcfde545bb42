import { chmodSync, mkdirSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { importUsers } from '../../src/traits/index.js';
import type { ImportUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, fileOf, pathOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

const run = (source: string, more: Partial<ImportUsers> = {}) =>
  importUsers(db.pool, { workspaceId: 'w', source, ...more });
const people = () => peopleOf(db.pool, 'w');

it.each([
  ['no such file', () => pathOf('nowhere.csv'), 'import_unreadable', 'there is no such file or folder'],
  ['a folder', () => pathOf(''), 'import_unreadable', 'it is a folder'],
  [
    'an Excel workbook',
    () => fileOf('people.xlsx', Buffer.from('504b03040a', 'hex')),
    'import_not_text',
    '`people.xlsx`',
  ],
  ['no bytes', () => fileOf('empty.csv', ''), 'import_empty', '`empty.csv` is empty'],
  ['only blank lines', () => fileOf('blank.csv', '\ufeff\r\n\r\n'), 'import_empty', '`blank.csv` is empty'],
  ['no lines of JSON', () => fileOf('blank.ndjson', ' \n\n'), 'import_empty', '`blank.ndjson` is empty'],
  [
    'Latin-1',
    () => fileOf('l1.csv', Buffer.from('user_id,name\na,Bj\xf6rn\n', 'latin1')),
    'import_encoding',
    'position',
  ],
  [
    'half a character at the end',
    () => fileOf('cut.csv', Buffer.from([117, 10, 0xe2, 0x82])),
    'import_encoding',
    '',
  ],
  [
    'Latin-1 lines of JSON',
    () => fileOf('l1.ndjson', Buffer.from('{"user_id":"\xe9"}', 'latin1')),
    'import_encoding',
    '',
  ],
  ['no user_id column', () => fileOf('h.csv', 'Key,name\na,b\n'), 'import_no_user_id', '`Key`, `name`'],
  [
    'a quote never closed',
    () => fileOf('q.csv', 'user_id,a\nx,1\ny,"2\nz,3\n'),
    'import_malformed',
    'line 3',
  ],
  [
    'a row without end',
    () => fileOf('q.csv', `user_id,a\nx,1\ny,"${'x\n'.repeat(600_000)}`),
    'import_malformed',
    'more than 1 MiB',
  ],
])('%s refuses the file and writes nothing', async (_, source, code, says) => {
  const [first, ...rest] = await problemsOf(() => run(source()));
  expect(first?.code).toBe(code);
  expect(first?.message).toContain(says);
  expect(rest).toEqual([]);
  expect(await people()).toEqual([]);
});

it('strictly, columns that cannot be loaded refuse the file, all of them named at once', async () => {
  const source = fileOf(
    'reserved.csv',
    'user_id,created_at,role,last_seen,role,,\na,2026-01-01,admin,2026-01-01,x,y,\n',
  );
  const problems = await problemsOf(() => run(source, { strict: true }));
  expect(problems.map(({ code, message }) => `${code} ${message.split(' ')[0]}`)).toEqual([
    'reserved_trait `created_at`',
    'reserved_trait `last_seen`',
    'import_duplicate_column columns',
  ]);
  expect(problems[0]?.hint).toContain('`signed_up_at`');
  const unnamed = fileOf('unnamed.csv', 'user_id,,\na,y,\n');
  expect(await codesOf(() => run(unnamed, { strict: true }))).toEqual(['import_unnamed_column']);
  expect(await people()).toEqual([]);
});

it.each([
  ['uid,name\na,b\n', '--id "uid"'],
  ['id,name\na,b\n', '?id=id'],
  ['plan,name\na,b\n', '--key email'],
  ['Customers 2026\nuser_id,a\nx,1\n', 'remove the title lines'],
])('a file without an id says how to go on: %j', async (csv, hint) => {
  const [first] = await problemsOf(() => run(fileOf('near.csv', csv)));
  expect(first?.code).toBe('import_no_user_id');
  expect(first?.hint).toContain(hint);
});

it('a fault at the far end of the file is found before anything is written', async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `u${i},1`).join('\n');
  expect(await codesOf(() => run(fileOf('far.csv', `user_id,n\n${rows}\nlast,"open\n`)))).toEqual([
    'import_malformed',
  ]);
  const latin = Buffer.concat([Buffer.from(`user_id,n\n${rows}\n`), Buffer.from([0xff])]);
  expect(await codesOf(() => run(fileOf('far.csv', latin)))).toEqual(['import_encoding']);
  expect(await people()).toEqual([]);
});

/** Adds a row once the first reading has begun. */
const changeWhileReading: ImportUsers['onProgress'] = (phase) => {
  if (phase === 'reading') fileOf('changing.csv', 'user_id\na\nb\n');
};

it('a file that changes between the two readings is refused', async () => {
  const source = fileOf('changing.csv', 'user_id\na\n');
  expect(await codesOf(() => run(source, { onProgress: changeWhileReading }))).toEqual(['import_changed']);
  expect(await people()).toEqual([]);
});

it('a rejects file that would overwrite the source or lies nowhere is refused before anything is written', async () => {
  const source = fileOf('people.csv', 'user_id,n\na,1\n,2\n');
  expect(await codesOf(() => run(source, { rejectsPath: source }))).toEqual(['import_rejects_unwritable']);
  expect(await codesOf(() => run(source, { rejectsPath: pathOf('no/such/rejects.csv') }))).toEqual([
    'import_rejects_unwritable',
  ]);
  expect(await people()).toEqual([]);
});

it('a rejects path that is a folder is refused when the first row is rejected', async () => {
  mkdirSync(pathOf('folder'));
  const source = fileOf('people.csv', 'user_id,n\n,2\n');
  const [first] = await problemsOf(() => run(source, { rejectsPath: pathOf('folder') }));
  expect(first).toMatchObject({ code: 'import_rejects_unwritable' });
});

it.skipIf(process.getuid?.() === 0)('a file that this account may not read is refused', async () => {
  const source = fileOf('secret.csv', 'user_id\na\n');
  chmodSync(source, 0);
  expect(await codesOf(() => run(source))).toEqual(['import_unreadable']);
});

it('a connection cut in the middle says how far it came, and the same import run again completes it', async () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => `u${i},1`).join('\n');
  const source = fileOf('long.csv', `user_id,n\n${rows}\n`);
  let cut: Promise<unknown> | undefined;
  const onProgress: ImportUsers['onProgress'] = (phase, done) => {
    if (phase !== 'loading' || done === 0 || cut !== undefined) return;
    cut = db.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%muster_staging%'`,
    );
  };
  const workspaceId = 'cut';
  await expect(importUsers(db.pool, { workspaceId, source, onProgress })).rejects.toMatchObject({
    code: 'import_interrupted',
    exit: 3,
  });
  await cut;
  const result = await importUsers(db.pool, { workspaceId, source });
  expect(result).toMatchObject({ rows: 30_000, rejected: 0 });
  expect(await peopleOf(db.pool, workspaceId)).toHaveLength(30_000);
});

it('leaves nothing behind on the connections it borrowed', async () => {
  await run(fileOf('people.csv', 'user_id\na\n'));
  await run(fileOf('people.csv', 'user_id\nb\n'));
  const { rows } = await db.pool.query(`SELECT relname FROM pg_class WHERE relname = 'muster_staging'`);
  expect(rows).toEqual([]);
});
