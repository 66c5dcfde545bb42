import { parse } from 'csv-parse/sync';
import { beforeAll, expect, it } from 'vitest';
import { exportAudience } from '../../src/audience/export.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { backfillUsers } from '../../src/traits/backfill.js';
import { identify } from '../../src/traits/identify.js';
import { identifyVisitor } from '../../src/traits/visitor.js';
import { importUsers } from '../../src/traits/import.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getUser } from '../../src/traits/read.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const workspaceId = 'acme';
const moment = momentOf('2026-01-31T12:00:00Z');

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query("INSERT INTO workspaces (workspace_id, name) VALUES ('acme', 'Acme'), ('other', 'Other')");
  await identify(pool, {
    workspaceId,
    userId: 'ann',
    traits: {
      name: 'Ann, "the" Lee',
      email: 'ann@example.com',
      signed_up_at: '2026-01-02T03:04:05Z',
      score: -5,
      tags: ['a', 'b'],
    },
    companyId: 'bigco',
    companyTraits: { plan: 'pro' },
    now: moment.now,
  });
  await identify(pool, {
    workspaceId,
    userId: 'bob',
    traits: { note: 'two\nlines', zip: '007' },
    now: moment.now,
  });
  await identifyVisitor(pool, { workspaceId, anonymousId: 'v1', traits: { score: 1.5 } });
  await identify(pool, { workspaceId: 'other', userId: 'eve', traits: {}, now: moment.now });
});

async function fileOf(filter: unknown, fields?: readonly string[]): Promise<string> {
  let text = '';
  const lines = exportAudience(pool, { workspaceId, filter: parseFilter(filter), moment, fields });
  for await (const piece of lines) text += piece;
  return text;
}

const ids = (texts: readonly (string | undefined)[]): string[] =>
  texts.map(String).toSorted((a, b) => (a < b ? -1 : 1));
const read = (text: string): Record<string, string>[] => parse(text, { columns: true });

it('everybody who matches is a line, visitors too, with what is stored of them and of their company', async () => {
  const people = read(await fileOf({ everyone: true }));
  expect(ids(people.map((each) => each['user_id'] || each['anonymous_id']))).toEqual(['ann', 'bob', 'v1']);
  expect(people.find((each) => each['user_id'] === 'ann')).toMatchObject({
    company_id: 'bigco',
    name: 'Ann, "the" Lee',
    email: 'ann@example.com',
    signed_up_at: '2026-01-02T03:04:05.000Z',
    created_at: '2026-01-31T12:00:00.000Z',
    score: '-5',
    tags: '["a","b"]',
    note: '',
  });
  expect(people.find((each) => each['user_id'] === 'bob')).toMatchObject({ note: 'two\nlines', zip: '007' });
});

it('fields are the columns asked for, in their order, and any field of the language can be one', async () => {
  const fields = ['company.custom:plan', 'user_id', 'days_since_signup', 'custom:/tags/1'];
  expect(await fileOf({ '==': [{ var: 'user_id' }, 'ann'] }, fields)).toBe(
    'company.custom:plan,user_id,days_since_signup,custom:/tags/1\r\npro,ann,29,b\r\n',
  );
});

it('fields that are not known are refused all at once, each at its place, before anything is read', async () => {
  await expect(fileOf({ everyone: true }, ['user_id', 'plan', 'custom:'])).rejects.toMatchObject({
    problems: [{ path: '/fields/1', code: 'unknown_field' }, { path: '/fields/2' }],
  });
  const many = Array.from({ length: 1001 }, (_, index) => `custom:k${index}`);
  await expect(fileOf({ everyone: true }, many)).rejects.toMatchObject({
    problems: [{ code: 'too_many_fields' }],
  });
});

it('text that a spreadsheet would run is text in the file, and a negative number stays a number', async () => {
  const hostile = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1'];
  const users = hostile.map((value, index) => ({
    user_id: `h${index}`,
    traits: { cell: value, '=key': 'x' },
  }));
  await backfillUsers(pool, { workspaceId, users });
  const found = read(
    await fileOf({ exists: { var: 'custom:cell' } }, ['user_id', 'custom:cell', 'custom:=key']),
  );
  expect(Object.keys(found[0] ?? {})).toEqual(['user_id', 'cell', "'=key"]);
  expect(ids(found.map(({ cell }) => cell))).toEqual(ids(hostile.map((value) => `'${value}`)));
  expect(await fileOf({ '==': [{ var: 'user_id' }, 'ann'] }, ['custom:score'])).toBe('score\r\n-5\r\n');
});

it('people come page by page, each once, beyond the size of a page', async () => {
  const users = Array.from({ length: 450 }, (_, index) => ({
    user_id: `p${index}`,
    traits: { crowd: true },
  }));
  await backfillUsers(pool, { workspaceId, users });
  const found = read(await fileOf({ '==': [{ var: 'custom:crowd' }, true] }, ['user_id']));
  expect(ids(found.map((each) => each['user_id']))).toEqual(ids(users.map((each) => each.user_id)));
  const lines = exportAudience(pool, {
    workspaceId,
    filter: parseFilter({ '==': [{ var: 'custom:crowd' }, true] }),
    moment,
    fields: ['user_id'],
  });
  let last = await lines.next();
  while (last.done !== true) last = await lines.next();
  expect(last.value).toBe(450);
});

it('a file that was exported can be imported again, and changes nobody', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-export-'));
  afterFile(async () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'people.csv');
  const before = await getUser(pool, { workspaceId, userId: 'ann' });
  writeFileSync(
    file,
    await fileOf({ '==': [{ var: 'user_id' }, 'ann'] }, [
      'user_id',
      'name',
      'email',
      'signed_up_at',
      'custom:score',
    ]),
  );
  expect(await importUsers(pool, { workspaceId, source: file })).toMatchObject({
    created: 0,
    updated: 1,
    rejected: 0,
  });
  const after = await getUser(pool, { workspaceId, userId: 'ann' });
  expect({ ...after, updated_at: null }).toEqual({ ...before, updated_at: null });
});
