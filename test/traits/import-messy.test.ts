import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { importUsers } from '../../src/traits/index.js';
import type { Imported } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, pathOf, peopleOf, problemsOf } from './support.js';

/** Files as spreadsheets, CRMs and scripts write them: each row loads or is refused with a reason, or the file is refused whole. */

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});

let made = 0;

interface Loaded {
  readonly result: Imported;
  readonly people: readonly (readonly [string | null, unknown])[];
  readonly rejects: readonly (readonly [number, string])[];
  readonly workspaceId: string;
}

async function load(content: string | Buffer, name = 'messy.csv'): Promise<Loaded> {
  const workspaceId = `w${(made += 1)}`;
  const result = await importUsers(db.pool, { workspaceId, source: fileOf(name, content) });
  const people = await peopleOf(db.pool, workspaceId);
  return {
    result,
    people: people.map(({ user_id, custom_fields }) => [user_id, custom_fields]),
    rejects: result.rejects.map(({ line, code }) => [line, code]),
    workspaceId,
  };
}

const wide = Array.from({ length: 200 }, (_, i) => `c${i}`);
const big = 'x'.repeat(30_000);

interface Case {
  readonly rule: string;
  readonly csv: string | Buffer;
  readonly name?: string;
  readonly people: readonly (readonly [string, unknown])[];
  readonly rejects?: readonly (readonly [number, string])[];
}

const cases: readonly Case[] = [
  {
    rule: 'a header and nothing else is a file without rows, whatever ends it',
    csv: '\ufeffuser_id,role\r\n\r\n',
    people: [],
  },
  { rule: 'a header without a line end is one too', csv: 'user_id,role', people: [] },
  {
    rule: 'a quoted header after a byte order mark is read without its quotes, and may hold separators and line breaks',
    csv: '\ufeff"user_id","Plan, current","two\nlines"\r\na,pro,x\r\n',
    people: [['a', { 'Plan, current': 'pro', 'two\nlines': 'x' }]],
  },
  {
    rule: 'headers that differ in case are different traits',
    csv: 'user_id,Plan,plan\na,1,2\n',
    people: [['a', { Plan: 1, plan: 2 }]],
  },
  {
    rule: '200 columns load, and a row of 199 or 201 is refused by itself',
    csv: [
      `user_id,${wide.join(',')}`,
      `a,${wide.map((_, i) => i).join(',')}`,
      `b,${wide.slice(1).join(',')}`,
      `c,${wide.join(',')},more`,
    ].join('\n'),
    people: [['a', Object.fromEntries(wide.map((key, i) => [key, i]))]],
    rejects: [
      [3, 'row_cells'],
      [4, 'row_cells'],
    ],
  },
  {
    rule: 'separators too many at the end of a row are left out, and a cell too few refuses its row, since it may shift the others',
    csv: 'user_id,a,b\nx,1,2,\ny,1,2\nz,1\n,,\n',
    people: [
      ['x', { a: 1, b: 2 }],
      ['y', { a: 1, b: 2 }],
    ],
    rejects: [
      [4, 'row_cells'],
      [5, 'row_no_user_id'],
    ],
  },
  {
    rule: 'cells that look like formulas are data and are kept letter by letter',
    csv: [
      'user_id,a,b',
      'x,=1+1,"=HYPERLINK(""http://x.y"",""click"")"',
      'y,+49 30 1234,-2',
      `"=cmd|'/C calc'!A0",@SUM(A1),"\t=1"`,
    ].join('\r\n'),
    people: [
      [`=cmd|'/C calc'!A0`, { a: '@SUM(A1)', b: '\t=1' }],
      ['x', { a: '=1+1', b: '=HYPERLINK("http://x.y","click")' }],
      ['y', { a: '+49 30 1234', b: '-2' }],
    ],
  },
  {
    rule: 'empty lines are passed over, also between and after rows, and a line of spaces is a row of one cell',
    csv: 'user_id,a\n\n\nx,1\n\r\n\r\n   \ny,2\n\n\n',
    people: [
      ['x', { a: 1 }],
      ['y', { a: 2 }],
    ],
    rejects: [[7, 'row_cells']],
  },
  {
    rule: 'spaces around ids and numbers are none of them, around text they are',
    csv: 'user_id,a,b\n x ,1, y\nx, 1,y\nz,3,\n',
    people: [
      ['x', { a: 1, b: 'y' }],
      ['z', { a: 3 }],
    ],
  },
  {
    rule: 'NUL refuses the cell that holds it, in an id the row, and the rest is loaded',
    csv: 'user_id,a\nx,1\u0000\n\u0000y,2\nz,ok\n',
    people: [
      ['x', {}],
      ['z', { a: 'ok' }],
    ],
    rejects: [
      [2, 'trait_bad_text'],
      [3, 'bad_user_id'],
    ],
  },
  {
    rule: 'a cell of 30 KB loads, one beyond the limit of all traits refuses its row',
    csv: `user_id,a,b\nx,${big},p\ny,${big},${big}\nz,"${'"",\r\n'.repeat(4000)}",p\n`,
    people: [
      ['x', { a: big, b: 'p' }],
      ['z', { a: '",\r\n'.repeat(4000), b: 'p' }],
    ],
    rejects: [[3, 'traits_too_large']],
  },
  {
    rule: 'empty quotes are an empty cell, a quote inside a cell is text, one after a closing quote refuses its row',
    csv: 'user_id,a\nw,""\nx,6" pipe\ny,"6"" pipe"\nz,"6" pipe\n"v" ,1\n',
    people: [
      ['w', {}],
      ['x', { a: '6" pipe' }],
      ['y', { a: '6" pipe' }],
    ],
    rejects: [
      [5, 'row_quotes'],
      [6, 'row_quotes'],
    ],
  },
  {
    rule: 'no-break spaces, joined emoji, letters from right to left and the replacement character are text',
    csv: 'user_id,a\nx,\u00a0\ny,👩‍👩‍👧\nz,שלום\nr,\ufffd\n',
    people: [
      ['r', { a: '\ufffd' }],
      ['x', { a: '\u00a0' }],
      ['y', { a: '👩‍👩‍👧' }],
      ['z', { a: 'שלום' }],
    ],
  },
  {
    rule: 'a byte order mark is left out at the start of the file and of an id',
    csv: '\ufeffuser_id,a\n\ufeffx,\ufeffy\n',
    people: [['x', { a: '\ufeffy' }]],
  },
  {
    rule: 'everything at once: each row is judged by itself, with the line that it begins on',
    csv: [
      '\ufeffuser_id,name,signed_up_at,seats,note',
      '1,"Müller, Jörg",2026-01-31,5,"first\r\nsecond ""quoted"""',
      '',
      '2,=SUM(A1),31.01.2026,5,',
      ',Nobody,2026-01-31,1,x',
      '3,Ann,2026-01-31,"1,5",-',
      '4,Ann,2026-01-31,1,5,too many',
      '5,"Bob" ,2026-01-31,1,',
      '6,,,,',
    ].join('\r\n'),
    people: [
      ['1', { seats: 5, note: 'first\r\nsecond "quoted"' }],
      ['2', { seats: 5 }],
      ['3', { note: '-' }],
      ['6', {}],
    ],
    rejects: [
      [5, 'trait_not_time'],
      [6, 'row_no_user_id'],
      [7, 'trait_type'],
      [8, 'row_cells'],
      [9, 'row_quotes'],
    ],
  },
  {
    rule: 'in a .tsv file a cell may hold commas, and a quoted one tabs and line breaks',
    name: 'messy.tsv',
    csv: 'user_id\ta\r\nx\t"1\t2\r\n3"\r\ny\t1,5\r\nz\t\tmore\r\n',
    people: [
      ['x', { a: '1\t2\r\n3' }],
      ['y', { a: '1,5' }],
    ],
    rejects: [[5, 'row_cells']],
  },
];

it.each(cases)('$rule', async ({ csv, name, people, rejects = [] }) => {
  const loaded = await load(csv, name);
  expect(loaded.rejects).toEqual(rejects);
  expect(loaded.people).toEqual(people);
});

describe('refused whole, because no row could be trusted', () => {
  it.each([
    ['a header of separators only', ',,,\nx,1,2,3\n', 'import_no_user_id'],
    ['a title line above the header', 'Customers 2026\nuser_id,a\nx,1\n', 'import_no_user_id'],
    ['Latin-1 in the last cell', Buffer.from('user_id,a\nx,1\ny,Jos\xe9', 'latin1'), 'import_encoding'],
    ['Windows-1252 quotes', Buffer.from('user_id,a\nx,\x93hi\x94\n', 'latin1'), 'import_encoding'],
    ['a cell of 2 MiB', `user_id,a\nx,${'y'.repeat(2_097_152)}\n`, 'import_malformed'],
  ])('%s', async (_, content, code) => {
    const workspaceId = `w${(made += 1)}`;
    const source = fileOf('refused.csv', content);
    const problems = await problemsOf(() => importUsers(db.pool, { workspaceId, source }));
    expect(problems.map((problem) => problem.code)).toContain(code);
    expect(problems.every(({ hint }) => hint !== '')).toBe(true);
    expect(await peopleOf(db.pool, workspaceId)).toEqual([]);
  });
});

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

it('every cell of the rejects file that a spreadsheet would take for a formula is made text, header included', async () => {
  const risky = ['=1+1', '+1+1', '-1+1', '@SUM(1)', '\t=1', '\r=1', '=a,b', '="x"', '-', '+'];
  const harmless = ['-5', '-0.25', '5', 'a=1', ' =1', '(1)', ''];
  const header = ['user_id', '@a', ...Array.from({ length: 16 }, (_, i) => `=h${i}`)];
  const row = ['', ...risky, ...harmless];
  const source = fileOf('formulas.csv', [header, row].map((cells) => cells.map(quoted).join(',')).join('\n'));
  const rejectsPath = pathOf('formulas.rejects.csv');
  await importUsers(db.pool, { workspaceId: 'formulas', source, rejectsPath });
  const cells = readCells(readFileSync(rejectsPath, 'utf8'));
  expect(cells[0]).toEqual([
    '\ufeffmuster:line',
    'muster:code',
    'muster:message',
    'user_id',
    ...header.slice(1).map((name) => `'${name}`),
  ]);
  expect(cells[1]?.slice(3)).toEqual(['', ...risky.map((cell) => `'${cell}`), ...harmless]);
});

/** A few lines that read CSV by its rules, so that the writer is not judged by its own code. */
function readCells(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, inQuotes, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(inQuotes?.replaceAll('""', '"') ?? bare ?? '');
    if (end === '\r\n') rows.push([]);
  }
  return rows;
}
