import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { identify, importUsers, sampleUsersCsv } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, outboxOf, pathOf, peopleOf } from './support.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;
const workspace = (): string => `w${(made += 1)}`;

/** Imports a CSV text into a new workspace and gives the people it made by id. */
async function imported(csv: string | Buffer, name = 'people.csv') {
  const workspaceId = workspace();
  const result = await importUsers(db.pool, { workspaceId, source: fileOf(name, csv) });
  const people = await peopleOf(db.pool, workspaceId);
  return { result, people, byId: new Map(people.map((person) => [person.user_id, person])), workspaceId };
}

const customOf = async (csv: string): Promise<unknown[]> =>
  (await imported(csv)).people.map(({ custom_fields }) => custom_fields);

describe('types of columns', () => {
  it('a column is what more than half of its cells can be, and cells that do not fit are kept out and named', async () => {
    const rows = Array.from({ length: 6000 }, (_, i) => `u${i},${i}`);
    const { byId, result } = await imported(`user_id,seats\n${rows.join('\n')}\nlast,x7\n`);
    expect(byId.get('u5')?.custom_fields).toEqual({ seats: 5 });
    expect(byId.get('last')?.custom_fields).toEqual({});
    expect(result).toMatchObject({ created: 6001, rejected: 0, cellsRefused: 1 });
    expect(result.rejects).toEqual([
      {
        line: 6002,
        column: 'seats',
        value: 'x7',
        code: 'trait_type',
        message: '`seats` needs a number, but got the text `x7`',
      },
    ]);
    expect(result.columns[1]).toMatchObject({
      field: 'seats',
      type: 'number',
      read: 6000,
      refused: 1,
      example: 'x7',
    });
  });

  it('a tie is text', async () => {
    expect(await customOf('user_id,n\na,5\nb,x\n')).toEqual([{ n: '5' }, { n: 'x' }]);
  });

  it.each(['007', '+5', '9007199254740991', '1.2.3', '-01'])(
    '`%s` makes its column text whatever the others are, letter by letter',
    async (cell) => {
      expect(await customOf(`user_id,n\na,${cell}\nb,5\nc,1.50\n`)).toEqual([
        { n: cell },
        { n: '5' },
        { n: '1.50' },
      ]);
    },
  );

  it.each(['NaN', 'Infinity', '0x10', '1_000', '1,5', '1,250', '100,200,300', '5 EUR'])(
    '`%s` is no number where no other says so',
    async (cell) => {
      expect(await customOf(`user_id,n\na,"${cell}"\n`)).toEqual([{ n: cell }]);
    },
  );

  it.each([
    ['0', 0],
    ['-12.5', -12.5],
    ['123456789012345', 123_456_789_012_345],
    ['1e-7', 1e-7],
    ['12.50', 12.5],
    ['1.0', 1],
    ['.5', 0.5],
    ['0.00', 0],
    [' 5 ', 5],
    ['1,250.50', 1250.5],
    ['$99.00', 99],
    ['€1,250.50', 1250.5],
    ['12%', 12],
    ['-$5', -5],
  ])('`%s` is a number', async (cell, value) => {
    expect(await customOf(`user_id,n\na,"${cell}"\n`)).toEqual([{ n: value }]);
  });

  it('what a comma is, the numbers of the column say, else those of the file', async () => {
    expect(await customOf('user_id,n,m\na,"1,250",2.5\nb,"1,250,000",3\n')).toEqual([
      { n: 1250, m: 2.5 },
      { n: 1_250_000, m: 3 },
    ]);
    expect(await customOf('user_id;n;m;v\na;12,50;1.250;2.10\nb;1.250,50;3;1.9\n')).toEqual([
      { n: 12.5, m: 1.25, v: 2.1 },
      { n: 1250.5, m: 3, v: 1.9 },
    ]);
    expect(await customOf('user_id;n;m\na;12,50;1.250\nb;980,00;3\n')).toEqual([
      { n: 12.5, m: 1250 },
      { n: 980, m: 3 },
    ]);
  });

  it('true and false in any letter case make booleans; weaker words where all are and both senses occur', async () => {
    expect(await customOf('user_id,a,b,c,d,e\nx,true,TRUE,yes,NO,F\ny,false,False,No,NO,M\n')).toEqual([
      { a: true, b: true, c: true, d: 'NO', e: 'F' },
      { a: false, b: false, c: false, d: 'NO', e: 'M' },
    ]);
    expect(await customOf('user_id,a,b\nx,yes,1\ny,maybe,0\n')).toEqual([
      { a: 'yes', b: 1 },
      { a: 'maybe', b: 0 },
    ]);
  });

  it('words for nothing are nothing among numbers, and text except as databases write it', async () => {
    expect(await customOf('user_id,n,t\na,5,NA\nb,N/A,DE\nc,NULL,NULL\nd,-,\\N\ne,nan,null\n')).toEqual([
      { n: 5, t: 'NA' },
      { t: 'DE' },
      {},
      {},
      { t: 'null' },
    ]);
  });

  it('JSON in most cells makes objects and lists', async () => {
    expect(await customOf('user_id,o,l\na,"{""x"":1}",[1]\nb,{},[]\n')).toEqual([
      { o: { x: 1 }, l: [1] },
      { o: {}, l: [] },
    ]);
  });

  it('only rows with an id decide, and a code decides anywhere', async () => {
    expect(await customOf('user_id,n,c\na,1,94105\nb,2,94105\n,x,02134\n,y,\n,z,\n')).toEqual([
      { n: 1, c: '94105' },
      { n: 2, c: '94105' },
    ]);
  });

  it('an empty cell is missing: it makes no trait and does not decide the type', async () => {
    expect(await customOf('user_id,n,empty\na,1,\nb,,\nc,"",\n')).toEqual([{ n: 1 }, {}, {}]);
  });

  it('the cells of a row that does not fit the header do not decide a type', async () => {
    expect(await customOf('user_id,n\na,1\nb,x,y\n')).toEqual([{ n: 1 }]);
  });

  it('known columns have their own types, whatever the cells look like', async () => {
    const { people } = await imported('user_id,name,on_contract,signed_up_at\n17,42,true,2026-01-31\n');
    expect(people[0]).toMatchObject({
      user_id: '17',
      name: '42',
      on_contract: true,
      signed_up_at: new Date('2026-01-31T00:00:00Z'),
    });
  });
});

describe('untidy files', () => {
  it('byte order mark, CR LF, blank lines, quotes and line breaks in cells, no last line end', async () => {
    const csv = '\ufeffuser_id,note,"a ""b"""\r\n\r\nx,"one\r\ntwo, ""three""\n",1\r\n\r\ny,\\N\\t,2';
    const { result, people } = await imported(csv);
    expect(result).toMatchObject({ rows: 2, created: 2, rejected: 0 });
    expect(people.map(({ custom_fields }) => custom_fields)).toEqual([
      { note: 'one\r\ntwo, "three"\n', 'a "b"': 1 },
      { note: '\\N\\t', 'a "b"': 2 },
    ]);
  });

  it('line ends of three kinds in one file', async () => {
    const { people } = await imported('user_id,n\na,1\r\nb,2\rc,3\n');
    expect(people.map(({ user_id, custom_fields }) => [user_id, custom_fields])).toEqual([
      ['a', { n: 1 }],
      ['b', { n: 2 }],
      ['c', { n: 3 }],
    ]);
  });

  it('tabs separate the cells of a .tsv file, and commas do not', async () => {
    const { people } = await imported('user_id\tnote\na\t1,5\n', 'people.tsv');
    expect(people[0]?.custom_fields).toEqual({ note: '1,5' });
  });

  it('characters of several bytes survive wherever a piece of the file ends', async () => {
    const note = '😀é漢'.repeat(100);
    const rows = Array.from({ length: 1500 }, (_, i) => `u${i},${'x'.repeat(i % 13)}${note}`);
    const { people } = await imported(`user_id,note\n${rows.join('\n')}\n`);
    expect(people).toHaveLength(1500);
    expect(people.every(({ custom_fields }) => String(custom_fields['note']).endsWith(note))).toBe(true);
  });

  it('`__proto__` and `constructor` are columns like any other', async () => {
    const workspaceId = workspace();
    await importUsers(db.pool, {
      workspaceId,
      source: fileOf('p.csv', 'user_id,__proto__,constructor\na,1,x\n'),
    });
    const { rows } = await db.pool.query<{ fields: string }>(
      'SELECT custom_fields::text AS fields FROM end_users WHERE workspace_id = $1',
      [workspaceId],
    );
    expect(rows).toEqual([{ fields: '{"__proto__": 1, "constructor": "x"}' }]);
  });

  it('hostile names and cells are data', async () => {
    const hostile = `'); DROP TABLE end_users; -- \\. \\`;
    const { people } = await imported(`user_id,"${hostile}"\n"${hostile}","${hostile}"\n\\.,x\n`);
    expect(people.find(({ user_id }) => user_id === hostile)?.custom_fields).toEqual({ [hostile]: hostile });
    expect(people.map(({ user_id }) => user_id)).toContain('\\.');
  });

  it('bad rows are rejected with the line they begin on and a reason, and the rest is loaded', async () => {
    const csv = [
      'user_id,signed_up_at,renewal_status,on_contract,note',
      'a,2026-01-01,at_risk,true,"two',
      'lines"',
      ',2026-01-01,,,nobody',
      'b,2025-02-30,,,',
      'c,,risky,yes,',
      'd,,,',
      'e,,,,,more',
      `${'f'.repeat(513)},,,,`,
      'g,,,,nul\u0000',
      `h,,,,${'x'.repeat(33_000)}`,
      'i,,,,fine',
    ].join('\r\n');
    const { result, people } = await imported(csv);
    expect(people.map(({ user_id }) => user_id)).toEqual(['a', 'b', 'c', 'g', 'i']);
    expect(people.find(({ user_id }) => user_id === 'c')).toMatchObject({
      renewal_status: null,
      on_contract: true,
    });
    expect(result).toMatchObject({ rows: 10, created: 5, updated: 0, rejected: 5, cellsRefused: 3 });
    expect(result.rejects.map(({ line, column = null, code }) => [line, column, code])).toEqual([
      [4, null, 'row_no_user_id'],
      [5, 'signed_up_at', 'trait_not_time'],
      [6, 'renewal_status', 'trait_not_allowed'],
      [7, null, 'row_cells'],
      [8, null, 'row_cells'],
      [9, null, 'bad_user_id'],
      [10, 'note', 'trait_bad_text'],
      [11, null, 'traits_too_large'],
    ]);
    expect(result.rejects[2]).toMatchObject({
      value: 'risky',
      message: '`risky` is not a value of `renewal_status`',
    });
  });

  it('a stray quote rejects its own row only', async () => {
    const csv = 'user_id,note\na,"x"y\nb,"fine, ""really"""\nc,5" disk\nd,"""quoted"" text"\n"e"e,z\n';
    const { result, byId } = await imported(csv);
    expect(result.rejects.map(({ line, code }) => [line, code])).toEqual([
      [2, 'row_quotes'],
      [6, 'row_quotes'],
    ]);
    expect([...byId].map(([id, { custom_fields }]) => [id, custom_fields['note']])).toEqual([
      ['b', 'fine, "really"'],
      ['c', '5" disk'],
      ['d', '"quoted" text'],
    ]);
  });

  it('after rows with line breaks inside quotes, line numbers are still those of the file', async () => {
    const { result } = await imported('user_id,note\r\na,"1\r\n2\r\n3"\r\nb,"\n\n"\r\n,x\r\n');
    expect(result.rejects).toMatchObject([{ line: 8, code: 'row_no_user_id' }]);
  });
});

describe('rejects file', () => {
  it('holds line, code, message and the row as it came, safe to open in a spreadsheet', async () => {
    const rejectsPath = pathOf('rejects.csv');
    const csv = 'user_id,=note,n\n,=1+1,-5\n,"a ""b"", c",@x\n,+49 30 1234,\n';
    const source = fileOf('people.csv', csv);
    const result = await importUsers(db.pool, { workspaceId: workspace(), source, rejectsPath });
    expect(result).toMatchObject({ rejected: 3, rejectsFile: rejectsPath });
    expect(readFileSync(rejectsPath, 'utf8').split('\r\n')).toEqual([
      "\ufeffmuster:line,muster:code,muster:message,user_id,'=note,n",
      "2,row_no_user_id,the row has no `user_id`,,'=1+1,-5",
      `3,row_no_user_id,the row has no \`user_id\`,,"a ""b"", c",'@x`,
      "4,row_no_user_id,the row has no `user_id`,,'+49 30 1234,",
      '',
    ]);
  });

  it('has every rejected row where the answer lists the first hundred', async () => {
    const rejectsPath = pathOf('many.csv');
    const source = fileOf('people.csv', `user_id,n\n${',1\n'.repeat(5000)}`);
    const result = await importUsers(db.pool, { workspaceId: workspace(), source, rejectsPath });
    expect(result.rejected).toBe(5000);
    expect(result.rejects).toHaveLength(100);
    expect(readFileSync(rejectsPath, 'utf8').trimEnd().split('\r\n')).toHaveLength(5001);
  });

  it('is not made when nothing is rejected', async () => {
    const rejectsPath = pathOf('none.csv');
    const source = fileOf('people.csv', 'user_id\na\n');
    const result = await importUsers(db.pool, { workspaceId: workspace(), source, rejectsPath });
    expect(result.rejectsFile).toBeNull();
    expect(() => readFileSync(rejectsPath)).toThrow(/ENOENT/);
  });
});

describe('merging', () => {
  it('is additive: empty cells and absent columns leave what is there', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'a',
      traits: { name: 'Ann', role: 'admin', plan: 'pro' },
    });
    const source = fileOf('people.csv', 'user_id,name,role,seats\na,,viewer,3\n');
    const result = await importUsers(db.pool, { workspaceId, source });
    expect(result).toMatchObject({ rows: 1, created: 0, updated: 1 });
    const [person] = await peopleOf(db.pool, workspaceId);
    expect(person).toMatchObject({ name: 'Ann', custom_fields: { role: 'viewer', plan: 'pro', seats: 3 } });
  });

  it('rows about one person apply in the order of the file, near and far apart', async () => {
    const filler = Array.from({ length: 6000 }, (_, i) => `u${i},,`).join('\n');
    const csv = `user_id,a,b\nx,1,1\nx,,2\ny,1,1\ny,,2\n${filler}\nx,3,\nu0,9,\n`;
    const { result, byId } = await imported(csv);
    expect(byId.get('x')?.custom_fields).toEqual({ a: 3, b: 2 });
    expect(byId.get('y')?.custom_fields).toEqual({ a: 1, b: 2 });
    expect(byId.get('u0')?.custom_fields).toEqual({ a: 9 });
    // People are counted, not their rows.
    expect(result).toMatchObject({ rows: 6006, created: 6002, updated: 0, rejected: 0 });
  });

  it('never moves last_seen or first_seen, and fires no `user_created` and no `user_updated`', async () => {
    const workspaceId = workspace();
    await identify(db.pool, { workspaceId, userId: 'old', now: Date.UTC(2026, 0, 1) });
    const before = await outboxOf(db.pool, workspaceId);
    const source = fileOf('people.csv', 'user_id,role\nold,admin\nnew,admin\n');
    await importUsers(db.pool, { workspaceId, source });
    const [fresh, old] = await peopleOf(db.pool, workspaceId);
    expect(fresh).toMatchObject({ user_id: 'new', first_seen: null, last_seen: null });
    const seen = new Date(Date.UTC(2026, 0, 1));
    expect(old).toMatchObject({
      user_id: 'old',
      first_seen: seen,
      last_seen: seen,
      custom_fields: { role: 'admin' },
    });
    expect(await outboxOf(db.pool, workspaceId)).toEqual(before);
  });

  it('run twice gives the same people, and the second run writes no row', async () => {
    const workspaceId = workspace();
    const source = fileOf('people.csv', sampleUsersCsv(Date.UTC(2026, 0, 1)));
    const first = await importUsers(db.pool, { workspaceId, source });
    const people = await peopleOf(db.pool, workspaceId);
    const second = await importUsers(db.pool, { workspaceId, source });
    expect([first.created, first.updated, second.created, second.updated]).toEqual([300, 0, 0, 300]);
    expect(await peopleOf(db.pool, workspaceId)).toEqual(people);
  });

  it('imports and identifies of the same people at once lose no trait', async () => {
    const workspaceId = workspace();
    const ids = Array.from({ length: 300 }, (_, i) => `u${i}`);
    const sources = ['a', 'b', 'c'].map((key, at) => {
      const order = at === 1 ? ids.toReversed() : ids;
      return fileOf(`${key}.csv`, `user_id,${key}\n${order.map((id) => `${id},1`).join('\n')}\n`);
    });
    await Promise.all([
      ...sources.map((source) => importUsers(db.pool, { workspaceId, source })),
      ...ids.map((userId) => identify(db.pool, { workspaceId, userId, traits: { seen: true } })),
    ]);
    const people = await peopleOf(db.pool, workspaceId);
    expect(people).toHaveLength(300);
    expect(people.filter(({ custom_fields }) => Object.keys(custom_fields).length !== 4)).toEqual([]);
  });

  it('touches the workspace it was told, not the same ids of another', async () => {
    const [here, there] = [workspace(), workspace()];
    await identify(db.pool, { workspaceId: there, userId: 'a', traits: { role: 'admin' } });
    await importUsers(db.pool, {
      workspaceId: here,
      source: fileOf('people.csv', 'user_id,role\na,viewer\n'),
    });
    expect((await peopleOf(db.pool, there))[0]?.custom_fields).toEqual({ role: 'admin' });
  });
});

describe('NDJSON', () => {
  it('keeps types as given, removes what is null, and applies lines in order', async () => {
    const workspaceId = workspace();
    await identify(db.pool, {
      workspaceId,
      userId: 'a',
      traits: { name: 'Ann', on_contract: true, role: 'admin', plan: 'pro' },
    });
    const lines = [
      '\ufeff{"user_id": "a", "traits": {"name": null, "on_contract": null, "role": null, "n": "5", "tags": ["x\\n\\t\\\\", 1]}}',
      '',
      '{"user_id": "b", "traits": {"x": 1, "y": 1, "__proto__": {"z": null}}}',
      '{"traits": {"x": null, "y": 2}, "user_id": "b"}',
      '{"user_id": "c"}',
      '{"user_id": "d", "traits": {"k": null}}\r',
      '{"user_id": "d", "traits": {"k": 1, "name": null}}',
    ];
    const result = await importUsers(db.pool, {
      workspaceId,
      source: fileOf('people.ndjson', lines.join('\n')),
    });
    expect(result).toMatchObject({ rows: 6, created: 3, updated: 1, rejected: 0 });
    const people = await peopleOf(db.pool, workspaceId);
    expect(people[0]).toMatchObject({ name: null, on_contract: null });
    expect(people.map(({ custom_fields }) => JSON.stringify(custom_fields))).toEqual([
      JSON.stringify({ n: '5', plan: 'pro', tags: ['x\n\t\\', 1] }),
      '{"y":2,"__proto__":{"z":null}}',
      '{}',
      '{"k":1}',
    ]);
  });

  it('rejects lines that are no such object, with their number', async () => {
    const lines = [
      'nope',
      '[1]',
      '{"user_id": 7}',
      '{"traits": {"a": 1}}',
      '{"user_id": "x", "plan": "pro"}',
      '{"user_id": "x", "traits": {"last_seen": "2026-01-01"}}',
      '{"user_id": "x", "traits": {"n": 12345678901234567890}}',
      '{"user_id": "x", "traits": {"t": "\\u0000"}}',
      `{"user_id": "x", "traits": {"t": "${'x'.repeat(1_100_000)}"}}`,
      '{"user_id": "ok", "traits": {"a": 1}}',
    ];
    const { result, people } = await imported(lines.join('\n'), 'people.ndjson');
    expect(people.map(({ user_id }) => user_id)).toEqual(['ok']);
    expect(result.rejects.map(({ line, code }) => [line, code])).toEqual([
      [1, 'row_not_json'],
      [2, 'row_not_json'],
      [3, 'bad_user_id'],
      [4, 'row_no_user_id'],
      [5, 'row_unknown_key'],
      [6, 'reserved_trait'],
      [7, 'trait_bad_number'],
      [8, 'trait_bad_text'],
      [9, 'row_too_long'],
    ]);
  });
});

it('progress covers both passes and ends at the size of the file', async () => {
  const source = fileOf(
    'people.csv',
    `user_id,n\n${Array.from({ length: 50_000 }, (_, i) => `u${i % 50},1`).join('\n')}\n`,
  );
  const seen: [string, number, number][] = [];
  await importUsers(db.pool, { workspaceId: workspace(), source, onProgress: (...step) => seen.push(step) });
  for (const phase of ['reading', 'loading']) {
    const steps = seen.filter(([each]) => each === phase).map(([, done]) => done);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(1);
    expect(steps.at(-1)).toBe(seen[0]?.[2]);
  }
});
