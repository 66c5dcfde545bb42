import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { identify } from '../../src/traits/identify.js';
import { testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';
import type { Ran } from './muster.js';

// Each command is a whole process, which takes long on a machine that is busy.
let database: { DATABASE_URL: string };
let file: string;

beforeAll(async () => {
  const { url, pool } = await testDatabase();
  database = { DATABASE_URL: url };
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
  for (const [userId, role] of [
    ['ann', 'admin'],
    ['bob', 'owner'],
  ] as const)
    await identify(pool, { workspaceId: 'sample', userId, traits: { role, name: userId } });
  file = join(ownFolder(), 'chiefs.json');
  writeFileSync(file, JSON.stringify({ in: [{ var: 'custom:role' }, ['admin', 'owner']] }));
});

const segments = (...args: string[]): Promise<Ran> => muster(['segments', ...args], database);
const admins = '{"==": [{"var": "custom:role"}, "admin"]}';

it('segments are saved, compared with an edit, looked into and deleted from the command line', async () => {
  const saved = await segments('save', 'chiefs', admins, '--name', 'Chiefs', '--json');
  expect(JSON.parse(saved.out)).toMatchObject({
    key: 'chiefs',
    name: 'Chiefs',
    tracked: true,
    state: 'building',
    warnings: [],
  });
  const diff = await segments('diff', 'chiefs', file);
  expect([diff.code, diff.err]).toEqual([0, '']);
  for (const line of ['chiefs would have 2 members', '+ 1 would join: bob', '- 0 would leave'])
    expect(diff.out).toContain(line);
  expect((await segments('save', 'chiefs', file, '--no-track')).out).toContain(
    'version 2, computed when asked',
  );
  const members = await segments('members', 'chiefs', '--json');
  expect(JSON.parse(members.out)).toMatchObject({ count: 2, stored: false });
  // They come by internal ids.
  for (const person of ['ann', 'bob']) expect(members.out).toContain(`"user_id":"${person}"`);
  const shown = await muster(['preview', '{"!": {"segment": "chiefs"}}', '--json'], database);
  expect(JSON.parse(shown.out)).toMatchObject({ count: 0 });
  expect((await segments('list')).out).toContain('role is one of "admin" or "owner"');
  expect(await segments('show', 'chief', '--json')).toMatchObject({
    code: 2,
    err: expect.stringContaining('segment_not_found') as unknown,
  });
  const doubtful = await segments('save', 'chiefs', '{"==": [{"var": "custom:rank"}, 1]}');
  expect(doubtful).toMatchObject({
    code: 0,
    out: expect.stringContaining('✓ chiefs is saved') as unknown,
    err: '/filter: warning nobody has `rank` [trait_never_sent]\n  hint send `rank` on identify, or backfill it; letter case counts in names too\n',
  });
  expect((await segments('delete', 'chiefs')).code).toBe(0);
});

it('export writes the people of a segment, a preset or a filter to a file or to standard output', async () => {
  await segments('save', 'exported', admins, '--no-track');
  const target = join(ownFolder(), 'admins.csv');
  const named = await segments('export', 'exported', '--fields', 'user_id, name', '--out', target);
  expect(named).toMatchObject({ code: 0, out: `✓ 1 person in ${target}\n`, err: '' });
  expect(readFileSync(target, 'utf8')).toBe('user_id,name\r\nann,ann\r\n');
  for (const input of ['admins', admins]) {
    const printed = await segments('export', input, '--fields', 'user_id', '--json');
    expect(printed).toMatchObject({
      code: 0,
      out: 'user_id\r\nann\r\n',
      err: '{"people":1,"file":null}\n',
    });
  }
  const unknown = await segments('export', 'nobody');
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('segment_not_found') as unknown]);
  const nowhere = await segments('export', 'exported', '--out', join(target, 'x.csv'));
  expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('file_not_writable') as unknown]);
});

it('a person is put in, kept out, listed and released by hand, and whoever is nobody is refused', async () => {
  await segments('save', 'byhand', admins, '--no-track');
  const members = async (): Promise<unknown> =>
    JSON.parse((await segments('members', 'byhand', '--json')).out);
  const out = await segments(
    'exclude',
    'byhand',
    '--user',
    'ann',
    '--reason',
    'asked',
    '--until',
    '2099-01-31',
  );
  expect(out).toMatchObject({
    code: 0,
    out: '✓ ann is kept out of byhand until 2099-01-31T00:00:00.000Z: asked\n',
  });
  expect((await segments('include', 'byhand', '--user', 'bob', '--reason', 'pilot', '--json')).code).toBe(0);
  expect(await members()).toMatchObject({ count: 1, members: [{ user_id: 'bob' }] });
  expect((await segments('overrides', 'byhand')).out).toContain('bob is in byhand: pilot');
  expect((await segments('release', 'byhand', '--user', 'ann')).out).toBe(
    '✓ ann: its filter decides again\n',
  );
  expect(await members()).toMatchObject({ count: 2 });
  expect(await segments('include', 'byhand', '--user', 'nobody', '--reason', 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining('no_such_user') as unknown,
  });
});
