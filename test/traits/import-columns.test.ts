import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { inWorkspace } from '../../src/database/workspace.js';
import { declareTrait } from '../../src/traits/catalogue/declare.js';
import { parseMap } from '../../src/traits/import/options.js';
import { backfillUsers, identify, importUsers } from '../../src/traits/index.js';
import type { ColumnReport } from '../../src/traits/import/column.js';
import type { ImportUsers } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf, fileOf, outboxOf, pathOf, peopleOf, problemsOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `w${(made += 1)}`;

async function load(csv: string | Buffer, options: Partial<ImportUsers> = {}, name = 'people.csv') {
  const { workspaceId = workspace() } = options;
  const result = await importUsers(db.pool, { ...options, workspaceId, source: fileOf(name, csv) });
  const people = await peopleOf(db.pool, workspaceId);
  return { result, people, custom: people.map(({ custom_fields }) => custom_fields), workspaceId };
}

const signedUp = async (cell: string, options: Partial<ImportUsers> = {}): Promise<string | null> => {
  const { people } = await load(`user_id,signed_up_at\na,"${cell}"\n`, options);
  return people[0]?.signed_up_at?.toISOString() ?? null;
};

const companies = async (workspaceId: string): Promise<object[]> => {
  const { rows } = await db.pool.query<object & { company_id: string }>(
    `SELECT company_id, name, contract_term, custom_fields, first_seen, last_seen FROM companies
     WHERE workspace_id = $1 ORDER BY company_id`,
    [workspaceId],
  );
  return rows;
};

const lists = async (workspaceId: string): Promise<unknown> => {
  const { rows } = await db.pool.query<{ list: string; kind: string; identifier: string }>(
    `SELECT 'unsubscribed' AS list, kind, identifier, source FROM unsubscribes WHERE workspace_id = $1
     UNION ALL SELECT 'suppressed', kind, identifier, source FROM suppressions WHERE workspace_id = $1 ORDER BY 1, 2, 3`,
    [workspaceId],
  );
  return rows.map(({ list, kind, identifier }) => [list, kind, identifier]);
};

describe('columns', () => {
  it('are mapped by name or place, and whatever is not mapped keeps its name', async () => {
    const { result, people } = await load('Key,E-Mail Addr,Plan,"a, b"\n1,a@example.com,pro,x\n', {
      map: parseMap(['Key=user_id, E-Mail Addr = email', '"a, b"=note,#3=plan']),
    });
    expect(people).toMatchObject([
      { user_id: '1', email: 'a@example.com', custom_fields: { plan: 'pro', note: 'x' } },
    ]);
    expect(result.columns.map(({ name, field, note }) => [name, field, note])).toEqual([
      ['Key', 'user_id', 'it is mapped'],
      ['E-Mail Addr', 'email', 'it is mapped'],
      ['Plan', 'plan', 'it is mapped'],
      ['a, b', 'note', 'it is mapped'],
    ]);
  });

  it('that differ from a known field only in case, blanks, hyphens or underscores are that field; custom traits are never guessed', async () => {
    const { result, people } = await load(
      'user-id,E-Mail,Signed Up At,Plan,last_seen_at\n1,a@example.com,2026-01-31,pro,x\n',
    );
    expect(people).toMatchObject([
      {
        user_id: '1',
        email: 'a@example.com',
        signed_up_at: new Date('2026-01-31T00:00:00Z'),
        custom_fields: { Plan: 'pro', last_seen_at: 'x' },
      },
    ]);
    expect(result.columns.filter(({ note }) => note !== null).map(({ name }) => name)).toEqual([
      'user-id',
      'E-Mail',
      'Signed Up At',
    ]);
  });

  it('that go to one field: the surest has it, the others are left out with the mapping that would load them', async () => {
    const csv =
      'user_id,Email,email,plan,plan,created_at,last_seen\n1,x,a@example.com,pro,free,2026-01-31,2026-02-01\n';
    const { result, people } = await load(csv);
    expect(people).toMatchObject([{ email: 'a@example.com', custom_fields: { plan: 'pro' } }]);
    const left = result.columns.filter(({ field }) => field === null);
    expect(left.map(({ name, map }) => [name, map])).toEqual([
      ['Email', 'Email=email_2'],
      ['plan', '#5=plan_2'],
      ['created_at', 'created_at=signed_up_at'],
      ['last_seen', 'last_seen=source_last_seen'],
    ]);
    // What the answer says works.
    const again = await load(csv, { map: parseMap(left.map(({ map }) => map ?? '')) });
    expect(again.people).toMatchObject([
      {
        email: 'a@example.com',
        signed_up_at: new Date('2026-01-31T00:00:00Z'),
        custom_fields: { plan: 'pro', plan_2: 'free', email_2: 'x', source_last_seen: '2026-02-01' },
      },
    ]);
    expect(again.result.columns.every(({ field }) => field !== null)).toBe(true);
  });

  it('without a name are left out: silently where they are empty, else with the mapping that would load them', async () => {
    const { result, custom } = await load(',user_id,n,\n0,a,1,\n1,b,2,\n');
    expect(custom).toEqual([{ n: 1 }, { n: 2 }]);
    expect(result.columns.map(({ name, map }) => [name, map])).toEqual([
      ['', '#1=column_1'],
      ['user_id', null],
      ['n', null],
    ]);
  });

  it('called `custom:KEY` are that trait', async () => {
    expect((await load('user_id,custom:plan\na,pro\n')).custom).toEqual([{ plan: 'pro' }]);
  });

  it.each([
    ['a column that is not there', { Nope: 'plan' }, 'import_unknown_column'],
    ['a place that is not there', { '#9': 'plan' }, 'import_unknown_column'],
    ['a known trait as a custom one', { plan: 'custom:email' }, 'import_bad_field'],
    ['a part of a trait', { plan: 'custom:/a/b' }, 'import_bad_field'],
  ])('%s in a mapping refuses the file', async (_, map, code) => {
    expect(await codesOf(() => load('user_id,plan\na,b\n', { map }))).toEqual([code]);
  });

  it.each(['plan', '=plan', 'plan=', 'a=b,c'])('`%s` is no mapping', async (text) => {
    expect(await codesOf(() => parseMap([text]))).toEqual(['import_bad_map']);
  });
});

describe('types', () => {
  it('the declared type reads each cell, else the type that most of the stored values have', async () => {
    const workspaceId = workspace();
    await declareTrait(db.pool, { workspaceId, key: 'zip', type: 'text' });
    await declareTrait(db.pool, { workspaceId, key: 'on', type: 'boolean' });
    const users = ['a', 'b', 'c'].map((id, at) => ({ user_id: id, traits: { n: at < 2 ? at : 'x' } }));
    await backfillUsers(db.pool, { workspaceId, users });
    const { result, custom } = await load(
      'user_id,zip,on,n\nd,94105,1,5.00\ne,7,t,x\nf,8,off,y\ng,9,perhaps,z\n',
      { workspaceId },
    );
    expect(custom.slice(3)).toEqual([
      { zip: '94105', on: true, n: 5 },
      { zip: '7', on: true },
      { zip: '8', on: false },
      { zip: '9' },
    ]);
    expect(
      result.columns.map(({ field, type, read, refused, example }) => [field, type, read, refused, example]),
    ).toEqual([
      ['user_id', 'text', 4, 0, null],
      ['zip', 'text', 4, 0, null],
      ['on', 'boolean', 3, 1, 'perhaps'],
      ['n', 'number', 1, 3, 'x'],
    ]);
  });

  it('a declared list or object takes JSON of that kind only', async () => {
    const workspaceId = workspace();
    await declareTrait(db.pool, { workspaceId, key: 'l', type: 'list' });
    await declareTrait(db.pool, { workspaceId, key: 'o', type: 'object' });
    const { result, custom } = await load('user_id,l,o\na,"[1,""x""]","{""a"":null}"\nb,"x,y",[1]\n', {
      workspaceId,
    });
    expect(custom).toEqual([{ l: [1, 'x'], o: { a: null } }, {}]);
    expect(result.cellsRefused).toBe(2);
  });

  it('the words for nothing can be chosen', async () => {
    const workspaceId = workspace();
    await declareTrait(db.pool, { workspaceId, key: 'n', type: 'number' });
    const csv = 'user_id,n\na,unknown\nb,N/A\n';
    const { result } = await load(csv, { workspaceId, nulls: ['unknown'] });
    expect(result.columns[1]).toMatchObject({ empty: 1, refused: 1, example: 'N/A' });
  });

  it('an empty cell leaves the trait, and clears it where that is asked', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'a', traits: { name: 'Ann', plan: 'pro', n: 1, x: 1 } });
    const csv = 'user_id,name,plan,n\na,,,NULL\n';
    expect((await load(csv, { workspaceId })).people).toMatchObject([
      { name: 'Ann', custom_fields: { plan: 'pro', n: 1, x: 1 } },
    ]);
    expect((await load(csv, { workspaceId, empty: 'clear' })).people).toMatchObject([
      { name: null, custom_fields: { x: 1 } },
    ]);
    expect((await peopleOf(db.pool, workspaceId))[0]?.custom_fields).toEqual({ x: 1 });
  });

  it('strictly, a cell that does not fit refuses its row', async () => {
    const csv = 'user_id,signed_up_at,n\na,2026-01-01,1\nb,yesterday,2\n';
    expect((await load(csv)).result).toMatchObject({ created: 2, rejected: 0, cellsRefused: 1 });
    const { result, people } = await load(csv, { strict: true });
    expect(result).toMatchObject({ created: 1, rejected: 1, cellsRefused: 0 });
    expect(people.map(({ user_id }) => user_id)).toEqual(['a']);
  });
});

it('the same file again with one odd cell changes one value, and it is named', async () => {
  const workspaceId = workspace();
  const csv = 'user_id,spend,zip,on\na,100,94105,TRUE\nb,12.55,02134,FALSE\nc,250,10001,TRUE\nd,75,,FALSE\n';
  const before = (await load(csv, { workspaceId })).custom;
  expect(before[1]).toEqual({ spend: 12.55, zip: '02134', on: false });
  const money = await load(csv.replace('12.55', '12.50'), { workspaceId });
  expect(money.custom).toEqual(before.with(1, { ...before[1], spend: 12.5 }));
  const odd = await load(csv.replace('12.55', 'n. a.').replace('02134', '7'), { workspaceId });
  expect(odd.custom).toEqual(before.with(1, { spend: 12.5, zip: '7', on: false }));
  expect(odd.result.rejects).toMatchObject([
    { line: 3, column: 'spend', value: 'n. a.', code: 'trait_type' },
  ]);
});

describe('times', () => {
  it.each([
    ['2026-02-01', '2026-02-01T00:00:00.000Z'],
    ['2026-02-01T10:00:00+02:00', '2026-02-01T08:00:00.000Z'],
    ['2026-02-01 10:00:00', '2026-02-01T10:00:00.000Z'],
    ['2026-02-01 10:00', '2026-02-01T10:00:00.000Z'],
    ['2026-02-01 9:05', '2026-02-01T09:05:00.000Z'],
    ['2026-02-01T10:00:00+0200', '2026-02-01T08:00:00.000Z'],
    ['2026-02-01 10:00:00.123456+00', '2026-02-01T10:00:00.123Z'],
    ['2026-02-01 10:00:00 UTC', '2026-02-01T10:00:00.000Z'],
    ['2026-02-01 10:00:00-03:30', '2026-02-01T13:30:00.000Z'],
    ['2026-02-01T10:00:00z', '2026-02-01T10:00:00.000Z'],
    ['1769940000', '2026-02-01T10:00:00.000Z'],
    ['1769940000123', '2026-02-01T10:00:00.123Z'],
    ['2025-02-30', null],
    ['2025-02-30 10:00:00', null],
    ['01/02/2026', null],
    ['45322', null],
    ['20260201', null],
    ['Feb 1, 2026', null],
  ])('`%s` is %s', async (cell, instant) => {
    expect(await signedUp(cell)).toBe(instant);
  });

  it.each([
    ['01/02/2026', 'dmy', '2026-02-01T00:00:00.000Z'],
    ['01/02/2026', 'mdy', '2026-01-02T00:00:00.000Z'],
    ['1.2.2026', 'dmy', '2026-02-01T00:00:00.000Z'],
    ['2026/2/1', 'ymd', '2026-02-01T00:00:00.000Z'],
    ['1-2-2026 17:30', 'dmy', '2026-02-01T17:30:00.000Z'],
    ['2/1/2026 5:30 PM', 'mdy', '2026-02-01T17:30:00.000Z'],
    ['2/1/2026 12:05:09 am', 'mdy', '2026-02-01T00:05:09.000Z'],
    ['2026-02-01', 'dmy', '2026-02-01T00:00:00.000Z'],
    ['31/12/2026', 'mdy', null],
    ['1/2/26', 'dmy', null],
    ['2/1/2026 13:30 PM', 'mdy', null],
  ] as const)('`%s` read as %s is %s', async (cell, dates, instant) => {
    expect(await signedUp(cell, { dates })).toBe(instant);
  });

  it('a refused date says how to state the order, and with it the file loads', async () => {
    const [, column] = (await load('user_id,signed_up_at\na,31.12.2026\n')).result.columns;
    expect(column).toMatchObject({ type: 'time', refused: 1, example: '31.12.2026' });
    expect(await signedUp('31.12.2026', { dates: 'dmy' })).toBe('2026-12-31T00:00:00.000Z');
  });

  it('a column of dates that stays text says so, and what it says reads them', async () => {
    const csv = 'user_id,t,v,d\na,31.12.2026,1.2.3,2026-12-31\nb,1.2.2026 10:00,2.0.12,2026-12-30\n';
    const { result, custom } = await load(csv);
    expect(result.columns.map(({ note }) => note?.includes('--dates dmy') ?? false)).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(custom[0]).toEqual({ t: '31.12.2026', v: '1.2.3', d: '2026-12-31' });
    const read = await load(csv, { dates: 'dmy' });
    expect(read.custom.map(({ t }) => t)).toEqual(['2026-12-31', '2026-02-01T10:00:00Z']);
    expect(read.result.columns.every(({ note }) => note === null)).toBe(true);
  });

  it('in custom traits times become ISO 8601 text, and a day stays a day', async () => {
    const { custom } = await load('user_id,t\na,2026-12-05\nb,2026-12-05 10:00:00\nc,05.12.2026\nd,soon\n', {
      dates: 'dmy',
    });
    expect(custom.map(({ t }) => t)).toEqual(['2026-12-05', '2026-12-05T10:00:00Z', '2026-12-05', 'soon']);
  });
});

const countsOf = ({ columns }: { columns: readonly ColumnReport[] }): unknown[] =>
  columns.map(({ name, read, empty, refused }) => [name, read, empty, refused]);

it('counts as read and empty only cells of rows that are loaded; refused cells of all rows', async () => {
  const csv = 'user_id,n,unsubscribed\n,1,\na,2,perhaps\nb,,\nc,3,no\n';
  expect(countsOf((await load(csv)).result)).toEqual([
    ['user_id', 2, 0, 0],
    ['n', 1, 1, 0],
    ['unsubscribed', 1, 1, 1],
  ]);
  const strict = 'user_id,signed_up_at,n\na,yesterday,1\nb,today,2\n';
  expect(countsOf((await load(strict, { strict: true })).result)).toEqual([
    ['user_id', 0, 0, 0],
    ['signed_up_at', 0, 0, 2],
    ['n', 0, 0, 0],
  ]);
  // Whose row it is turns out later.
  const unknown = 'email,n\nnobody@example.com,1\nno-one@example.com,2\n';
  const { result } = await load(unknown, { key: 'email' });
  expect(result.rejected).toBe(2);
  expect(countsOf(result)).toEqual([
    ['email', 0, 0, 0],
    ['n', 0, 0, 0],
  ]);
});

describe('people by their address', () => {
  const csv = 'Email,plan\nANN@example.com,pro\nbob@example.com,free\n';

  it('are found in any letter case, and whoever is not found is refused or made', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'u1', traits: { email: 'Ann@Example.com' } });
    const first = await load(csv, { workspaceId, key: 'email' });
    expect(first.people).toMatchObject([
      { user_id: 'u1', email: 'Ann@Example.com', custom_fields: { plan: 'pro' } },
    ]);
    expect(first.result).toMatchObject({ rows: 2, created: 0, updated: 1, rejected: 1 });
    expect(first.result.rejects).toMatchObject([{ line: 3, code: 'person_unknown' }]);
    const second = await load(csv.replace('bob@', 'Bob@'), { workspaceId, key: 'email', create: true });
    expect(second.result).toMatchObject({ created: 1, updated: 1, rejected: 0 });
    expect(second.people.map(({ user_id, email }) => [user_id, email])).toEqual([
      ['bob@example.com', 'Bob@example.com'],
      ['u1', 'Ann@Example.com'],
    ]);
    expect((await load(csv, { workspaceId, key: 'email', create: true })).result).toMatchObject({
      created: 0,
      updated: 2,
    });
  });

  it('an address of several people names nobody', async () => {
    const workspaceId = workspace();
    for (const userId of ['u1', 'u2'])
      await identify(db.pool, { workspaceId, userId, traits: { email: 'ann@example.com' } });
    const { result } = await load(csv, { workspaceId, key: 'email', create: true });
    expect(result.rejects).toMatchObject([{ line: 2, code: 'person_ambiguous' }]);
  });

  it('works for JSON too, and needs an address', async () => {
    const lines = '{"traits":{"email":"Cy@example.com","n":1}}\n{"traits":{"n":2}}\n';
    const { result, people } = await load(lines, { key: 'email', create: true }, 'people.ndjson');
    expect(people).toMatchObject([
      { user_id: 'cy@example.com', email: 'Cy@example.com', custom_fields: { n: 1 } },
    ]);
    expect(result.rejects).toMatchObject([{ line: 2, code: 'row_no_email' }]);
    const [problem] = await problemsOf(() => load('user_id,plan\na,b\n', { key: 'email' }));
    expect(problem?.code).toBe('import_no_email');
  });

  it('a character that no text may hold refuses its row and not the file', async () => {
    const names = 'Email,First Name,Last Name\na@example.com,A\u0000,B\nb\u0000@example.com,,\n';
    const { result, people } = await load(names, { key: 'email', create: true, preset: 'hubspot' });
    expect(people).toMatchObject([
      { user_id: 'a@example.com', name: null, custom_fields: { last_name: 'B' } },
    ]);
    expect(result.rejects.map(({ line, column = null, code }) => [line, column, code])).toEqual([
      [2, 'First Name', 'trait_bad_text'],
      [2, 'name', 'trait_bad_text'],
      [3, null, 'trait_bad_text'],
    ]);
  });

  it('an id column beside it is left out', async () => {
    const { result } = await load('user_id,email\nu1,ann@example.com\n', { key: 'email', create: true });
    expect(result.columns[0]).toMatchObject({ field: null, note: 'people are found by their address' });
  });
});

describe('companies', () => {
  it('come by `company_id` and `company.*` columns, without a visit', async () => {
    const csv = [
      'user_id,Company ID,company.name,company.contract_term,company.seats,company.custom:plan',
      'a,c1,Acme,annual,5,pro',
      'b,c1,,,7,',
      'c,c2,Blue,,"1",',
      'd,,Nobody,,,',
      'e,,,,,',
    ].join('\n');
    const { result, workspaceId } = await load(csv);
    expect(await companies(workspaceId)).toEqual([
      {
        company_id: 'c1',
        name: 'Acme',
        contract_term: 'annual',
        custom_fields: { seats: 7, plan: 'pro' },
        first_seen: null,
        last_seen: null,
      },
      {
        company_id: 'c2',
        name: 'Blue',
        contract_term: null,
        custom_fields: { seats: 1 },
        first_seen: null,
        last_seen: null,
      },
    ]);
    const { rows } = await db.pool.query<{
      user_id: string;
      company_id: string | null;
      last_seen: Date | null;
    }>('SELECT user_id, company_id, last_seen FROM end_users WHERE workspace_id = $1 ORDER BY 1', [
      workspaceId,
    ]);
    expect(rows.map(({ user_id, company_id, last_seen }) => [user_id, company_id, last_seen])).toEqual([
      ['a', 'c1', null],
      ['b', 'c1', null],
      ['c', 'c2', null],
      ['d', null, null],
      ['e', null, null],
    ]);
    expect(result.rejects).toMatchObject([{ line: 5, code: 'company_traits_alone' }]);
    await load('user_id,company_id,company.custom:plan\na,c1,\n', { workspaceId, empty: 'clear' });
    expect((await companies(workspaceId))[0]).toMatchObject({ name: 'Acme', custom_fields: { seats: 7 } });
  });

  it('come by `company_id` and `company_traits` of JSON', async () => {
    const line = { user_id: 'a', company_id: 'c1', company_traits: { name: 'Acme', seats: 5 } };
    const { workspaceId, result } = await load(
      `[${JSON.stringify(line)}, {"user_id":"b","company_traits":{}}]`,
      {},
      'people.json',
    );
    expect(await companies(workspaceId)).toMatchObject([
      { company_id: 'c1', name: 'Acme', custom_fields: { seats: 5 }, last_seen: null },
    ]);
    expect(result.rejects).toMatchObject([{ code: 'company_traits_alone' }]);
  });

  it('traits of companies without a column for the id are left out', async () => {
    const { result } = await load('user_id,company.name\na,Acme\n');
    expect(result.columns[1]).toMatchObject({
      field: null,
      note: 'no column holds the `company_id` it belongs to',
    });
  });
});

describe('what people opted out of', () => {
  it('is stored for id and address, counted, and no trait', async () => {
    const csv = [
      'user_id,email,unsubscribed,Wants mail,Bounced at',
      'a,a@example.com,true,,',
      'b,b@example.com,,no,',
      'c,c@example.com,false,yes,2026-01-01 10:00:00',
      'd,d@example.com,,,',
      'e,e@example.com,unsubscribed,,',
      'a,a@example.com,true,no,',
    ].join('\n');
    const map = { 'Wants mail': 'subscribed', 'Bounced at': 'suppressed' };
    const { result, custom, workspaceId } = await load(csv, { map });
    expect(result).toMatchObject({ created: 5, unsubscribed: 3, suppressed: 1, rejected: 0 });
    expect(custom).toEqual([{}, {}, {}, {}, {}]);
    expect(await lists(workspaceId)).toEqual([
      ['suppressed', 'email', 'c@example.com'],
      ['suppressed', 'user_id', 'c'],
      ...['a', 'b', 'e'].map((id) => ['unsubscribed', 'email', `${id}@example.com`]),
      ...['a', 'b', 'e'].map((id) => ['unsubscribed', 'user_id', id]),
    ]);
  });

  it('a cell that does not say so refuses its row: nobody is loaded to be sent to by mistake', async () => {
    const { result, people } = await load('user_id,unsubscribed\na,perhaps\nb,no\n');
    expect(people.map(({ user_id }) => user_id)).toEqual(['b']);
    expect(result.rejects).toMatchObject([{ line: 2, code: 'import_bad_opt_out' }]);
  });

  it('`unsubscribed` can be a trait all the same', async () => {
    const { custom, result } = await load('user_id,unsubscribed\na,true\n', {
      map: { unsubscribed: 'custom:unsubscribed' },
    });
    expect(custom).toEqual([{ unsubscribed: true }]);
    expect(result.unsubscribed).toBe(0);
  });
});

describe('the file of rejects', () => {
  it('is mended and imported again, and its own columns become no traits', async () => {
    const workspaceId = workspace();
    const rejectsPath = pathOf('mend.rejects.csv');
    const csv = "user_id,on_contract,=note,phone\na,perhaps,=1+1,+49 30\n,true,'=2,-5\nc,true,'x,3\n";
    const first = await load(csv, { workspaceId, rejectsPath });
    expect(first.result).toMatchObject({
      created: 2,
      rejected: 1,
      cellsRefused: 1,
      rejectsFile: rejectsPath,
    });
    const mended = readFileSync(rejectsPath, 'utf8')
      .replace(',a,perhaps,', ',a,true,')
      .replace('`user_id`,,', '`user_id`,b,');
    writeFileSync(rejectsPath, mended);
    const second = await importUsers(db.pool, { workspaceId, source: rejectsPath });
    expect(second).toMatchObject({ rows: 2, created: 1, updated: 1, rejected: 0, cellsRefused: 0 });
    const people = await peopleOf(db.pool, workspaceId);
    expect(
      people.map(({ user_id, on_contract, custom_fields }) => [user_id, on_contract, custom_fields]),
    ).toEqual([
      ['a', true, { '=note': '=1+1', phone: '+49 30' }],
      ['b', true, { '=note': "'=2", phone: '-5' }],
      ['c', true, { '=note': "'x", phone: '3' }],
    ]);
  });

  it('takes the options of the file that its rows are from: separator, encoding, places, decimal commas', async () => {
    const workspaceId = workspace();
    const rejectsPath = pathOf('excel.rejects.csv');
    const csv = Buffer.from('Kunde;Umsatz;seit\n;12,50;Zo\xeb\nb;7;soon\n', 'latin1');
    const options: Partial<ImportUsers> = {
      workspaceId,
      rejectsPath,
      encoding: 'windows-1252',
      delimiter: ';',
      map: { '#1': 'user_id', '#3': 'note', Umsatz: 'revenue' },
    };
    expect((await load(csv, options)).result).toMatchObject({ created: 1, rejected: 1 });
    const mended = readFileSync(rejectsPath, 'utf8').replace('`user_id`;;', '`user_id`;a;');
    writeFileSync(rejectsPath, mended);
    const second = await importUsers(db.pool, {
      ...options,
      workspaceId,
      source: rejectsPath,
      rejectsPath: undefined,
    });
    expect(second).toMatchObject({ created: 1, rejected: 0, cellsRefused: 0, encoding: 'utf-8' });
    expect((await peopleOf(db.pool, workspaceId)).map(({ custom_fields }) => custom_fields)).toEqual([
      { revenue: 12.5, note: 'Zoë' },
      { revenue: 7, note: 'soon' },
    ]);
  });

  it('of JSON comes back as JSON', async () => {
    const workspaceId = workspace();
    const rejectsPath = pathOf('json.rejects.csv');
    const lines = '{"user_id":"a","traits":{"n":1}}\n{"user_id":"b","plan":"pro"}\n';
    await load(lines, { workspaceId, rejectsPath }, 'people.ndjson');
    const mended = readFileSync(rejectsPath, 'utf8').replace(
      '""plan"":""pro""',
      '""traits"":{""plan"":""pro""}',
    );
    writeFileSync(rejectsPath, mended);
    await importUsers(db.pool, { workspaceId, source: rejectsPath, format: 'ndjson' });
    expect((await peopleOf(db.pool, workspaceId)).map(({ custom_fields }) => custom_fields)).toEqual([
      { n: 1 },
      { plan: 'pro' },
    ]);
  });
});

it('a dry run counts as the import would and writes nothing', async () => {
  const workspaceId = workspace();
  await identify(db.pool, { workspaceId, userId: 'a' });
  const before = await outboxOf(db.pool, workspaceId);
  const csv = 'user_id,company_id,unsubscribed,n\na,c1,true,1\nb,c1,,x\nb,,true,2\n,,,3\n';
  const options = { workspaceId, dryRun: true, fireTriggers: true };
  const { result, people } = await load(csv, options);
  expect(people).toMatchObject([{ user_id: 'a', custom_fields: {} }]);
  expect(await outboxOf(db.pool, workspaceId)).toEqual(before);
  const left = await inWorkspace(db.pool, workspaceId, (client) =>
    client.query(
      "SELECT 1 FROM companies UNION ALL SELECT 1 FROM unsubscribes UNION ALL SELECT 1 FROM traits WHERE key = 'n'",
    ),
  );
  expect(left.rowCount).toBe(0);
  const real = await load(csv, { ...options, dryRun: false });
  expect({ ...real.result, dryRun: true }).toEqual(result);
  expect(result).toMatchObject({
    rows: 4,
    created: 1,
    updated: 1,
    rejected: 1,
    cellsRefused: 1,
    unsubscribed: 2,
  });
});
