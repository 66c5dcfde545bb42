import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { isSuppressed } from '../../src/traits/suppression.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';

let db: TestDatabase;
const folder = ownFolder();

beforeAll(async () => {
  db = await testDatabase();
  await db.pool.query("INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')");
});

const fileOf = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const stopped = (email: string, topic?: string): Promise<boolean> =>
  isSuppressed(db.pool, { workspaceId: 'sample', email, topic });

it('a list of another product is read by its column of addresses; what is wrong is refused row by row', async () => {
  const rows = ['Email Address;Note', 'a@example.com;x', '"B@Example.com ";y', ';z', 'a@example.com;again'];
  const file = fileOf('list.csv', `${rows.join('\r\n')}\r\n`);
  const args = ['unsubscribes', 'import', file, '--email', 'Email Address'];
  const first = await muster([...args, '--json'], { DATABASE_URL: db.url });
  expect([first.code, JSON.parse(first.out)]).toEqual([
    1,
    {
      rows: 4,
      added: 2,
      present: 1,
      rejected: 1,
      rejects: [{ line: 4, code: 'nobody_named', message: expect.any(String) as unknown }],
    },
  ]);
  expect(await Promise.all([stopped('a@example.com'), stopped('b@example.com')])).toEqual([true, true]);
  const again = await muster(args, { DATABASE_URL: db.url });
  expect(again.out).toMatch(/0 {3}added\n +3 {3}on the list already\n +1 {3}rejected\n +line 4/);
  const listed = await muster(['unsubscribes', 'list'], { DATABASE_URL: db.url });
  expect(listed.out).toContain('b@example.com'.replace('b@e', 'B@E'));
  expect(listed.out).toContain('all topics');
});

it('a topic, a reason and a source hold for rows that say none; NDJSON has them in its objects', async () => {
  const csv = fileOf('topics.csv', 'email,topic\nt1@example.com,\nt2@example.com,offers\n');
  await muster(['unsubscribes', 'import', csv, '--topic', 'news'], { DATABASE_URL: db.url });
  expect(await Promise.all([stopped('t1@example.com', 'news'), stopped('t1@example.com', 'offers')])).toEqual(
    [true, false],
  );
  expect(await stopped('t2@example.com', 'offers')).toBe(true);
  const lines = fileOf('list.ndjson', '{"user_id":"n1","reason":"complaint"}\n{"nope":1}\nx\n');
  const read = await muster(['suppressions', 'import', lines, '--json'], { DATABASE_URL: db.url });
  expect([read.code, JSON.parse(read.out)]).toMatchObject([
    1,
    {
      added: 1,
      rejects: [
        { line: 2, code: 'entry_unknown_key' },
        { line: 3, code: 'row_not_json' },
      ],
    },
  ]);
  const listed = await muster(['suppressions', 'list', '--json'], { DATABASE_URL: db.url });
  expect(JSON.parse(listed.out)).toMatchObject({
    entries: [{ identifier: 'n1', reason: 'complaint' }],
    next: null,
  });
});

it('a file without a column of people is refused, with the columns that it has', async () => {
  const file = fileOf('other.csv', 'Address,Name\na@example.com,Ann\n');
  const { code, err } = await muster(['suppressions', 'import', file], { DATABASE_URL: db.url });
  expect([code, err]).toEqual([2, expect.stringContaining('it has Address, Name') as unknown]);
  expect(err).toContain('--email COLUMN');
  const followed = await muster(['suppressions', 'import', file, '--email', 'Address'], {
    DATABASE_URL: db.url,
  });
  expect([followed.code, followed.out]).toEqual([0, expect.stringContaining('1   added') as unknown]);
});

it('a file of more than one batch is read to its end', async () => {
  const many = Array.from({ length: 2500 }, (_, index) => `many${index}@example.com`);
  const file = fileOf('many.csv', `email\n${many.join('\n')}\n`);
  const { code, out } = await muster(['suppressions', 'import', file, '--json'], { DATABASE_URL: db.url });
  expect([code, JSON.parse(out)]).toMatchObject([0, { rows: 2500, added: 2500, present: 0, rejected: 0 }]);
});
