import { describe, expect, it } from 'vitest';
import { openRows } from '../../src/traits/rows/open.js';
import type { OpenRows } from '../../src/traits/rows/open.js';
import { codesOf, fileOf, problemsOf } from './support.js';

/** Everything of a file: what it was taken for, and its rows or items with their lines. */
async function read(content: string | Buffer, name = 'file.csv', options: OpenRows = {}) {
  const file = await openRows(fileOf(name, content), options);
  const rows: (readonly [number, unknown])[] = [];
  const reading =
    file.kind === 'cells'
      ? file.rows(
          (line, cells, fault) => rows.push([line, fault?.code ?? cells]),
          () => rows.splice(0),
        )
      : file.rows((line, text) => rows.push([line, text]));
  for await (const _ of reading);
  const { format, delimiter, encoding } = file;
  return { format, delimiter, encoding, header: file.kind === 'cells' ? file.header : null, rows };
}

const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('the separator is the one under which rows agree with the header', () => {
  it.each([
    ['commas', 'user_id,name\na,b\n', ','],
    ['semicolons', 'user_id;name\na;b\n', ';'],
    ['tabs in a file named .csv', 'user_id\tname\na\tb\n', '\t'],
    ['pipes', 'user_id|name\na|b\n', '|'],
    ['semicolons, with a comma in a header and in cells', 'user_id;name, full\na;"b, c"\nb;1,5\n', ';'],
    ['commas, with quoted semicolons', 'user_id,"a;b;c"\na,"1;2;3"\n', ','],
    ['a header alone', 'user_id;name', ';'],
  ])('%s', async (_, csv, delimiter) => {
    const file = await read(csv);
    expect(file.delimiter).toBe(delimiter);
    expect(file.header).toHaveLength(2);
    expect(file.rows.every(([, cells]) => Array.isArray(cells) && cells.length === 2)).toBe(true);
  });

  it('one column has no separator, and its cells may hold any', async () => {
    expect(await read('user_id\na;b\n"a,b"\n')).toMatchObject({
      header: ['user_id'],
      rows: [
        [2, ['a;b']],
        [3, ['a,b']],
      ],
    });
  });

  it('an option wins over what is seen, by name or by character', async () => {
    expect((await read('a;b,c\n', 'f.csv', { delimiter: 'semicolon' })).header).toEqual(['a', 'b,c']);
    expect((await read('a;b^c\n', 'f.csv', { delimiter: '^' })).header).toEqual(['a;b', 'c']);
    expect(await codesOf(() => read('a\n', 'f.csv', { delimiter: 'ab' }))).toEqual(['import_bad_delimiter']);
    expect(await codesOf(() => read('a\n', 'f.csv', { delimiter: '"' }))).toEqual(['import_bad_delimiter']);
  });

  it.each(['sep=;', '"sep=;"', 'SEP=;', '\ufeffsep=;;'])(
    'a line `%s` names it and is no header',
    async (sep) => {
      expect(await read(`${sep}\r\nuser_id;a\r\nx;1\r\n`)).toMatchObject({
        delimiter: ';',
        header: ['user_id', 'a'],
        rows: [[3, ['x', '1']]],
      });
    },
  );
});

describe('the encoding is the mark’s, then the declared one, then UTF-8', () => {
  const text = 'user_id;name\r\nü;Zoë €\r\n';
  it.each([
    ['UTF-8', Buffer.from(text), undefined, 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), undefined, 'utf-8'],
    ['UTF-16 LE with a mark', Buffer.from(`\ufeff${text}`, 'utf16le'), undefined, 'utf-16le'],
    ['UTF-16 BE with a mark', utf16be(`\ufeff${text}`), undefined, 'utf-16be'],
    ['UTF-16 LE without one', Buffer.from(text, 'utf16le'), undefined, 'utf-16le'],
    ['UTF-16 with a mark, declared otherwise', Buffer.from(`\ufeff${text}`, 'utf16le'), 'utf-8', 'utf-16le'],
    ['Windows-1252, declared', Buffer.from(text.replace('€', '\x80'), 'latin1'), 'latin1', 'windows-1252'],
    ['ISO 8859-15, declared', Buffer.from(text.replace('€', '\xa4'), 'latin1'), 'iso-8859-15', 'iso-8859-15'],
  ])('%s', async (_, bytes, encoding, named) => {
    expect(await read(bytes, 'f.csv', { encoding })).toMatchObject({
      encoding: named,
      header: ['user_id', 'name'],
      rows: [[2, ['ü', 'Zoë €']]],
    });
  });

  it('bytes that are no text of it refuse the file with a hint that works', async () => {
    const bytes = Buffer.from('user_id,name\na,\x93hi\x94 \xe9\n', 'latin1');
    const [problem] = await problemsOf(() => read(bytes));
    expect(problem?.code).toBe('import_encoding');
    expect(problem?.hint).toContain('--encoding windows-1252');
    expect((await read(bytes, 'f.csv', { encoding: 'windows-1252' })).rows).toEqual([[2, ['a', '“hi” é']]]);
    expect(await codesOf(() => read(Buffer.from('\ufeffa\n\ud800\n', 'utf16le')))).toEqual([
      'import_encoding',
    ]);
    expect(await codesOf(() => read('a\n', 'f.csv', { encoding: 'utf-9' }))).toEqual([
      'import_unknown_encoding',
    ]);
  });

  it('characters survive wherever a piece of the file ends', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${'x'.repeat(i % 7)}😀é漢`);
    const file = await read(Buffer.from(`\ufeffuser_id\n${rows.join('\n')}\n`, 'utf16le'));
    expect(file.rows.map(([, cells]) => cells)).toEqual(rows.map((cell) => [cell]));
  });
});

describe('rows', () => {
  it('empty cells beyond the header are left out, others refuse their row', async () => {
    expect((await read('a,b\n1,2,\n1,2,,,\n1,2,3\n1\n')).rows).toEqual([
      [2, ['1', '2']],
      [3, ['1', '2']],
      [4, 'row_cells'],
      [5, 'row_cells'],
    ]);
  });

  it('blanks after the separators of the header are none of the names and cells', async () => {
    expect(await read('user_id, plan, "full, name"\na, pro, "b, c"\n')).toMatchObject({
      header: ['user_id', 'plan', 'full, name'],
      rows: [[2, ['a', 'pro', 'b, c']]],
    });
    expect((await read('user_id,plan\na, pro\n')).rows).toEqual([[2, ['a', ' pro']]]);
  });

  it('a stray quote after many good rows costs its own row only', async () => {
    const good = Array.from({ length: 30_000 }, (_, i) => `u${i},1\n`).join('');
    const { rows } = await read(`user_id,n\n${good}x,"a"b\ny,2\n`);
    expect(rows).toHaveLength(30_002);
    expect(rows.slice(-2)).toEqual([
      [30_002, 'row_quotes'],
      [30_003, ['y', '2']],
    ]);
  });
});

const headerOf = (count: number): string => Array.from({ length: count }, (_, at) => `c${at}`).join(',');

it('a header of more columns than can be looked at in one go is refused', async () => {
  expect((await read(`${headerOf(5000)}\n`)).header).toHaveLength(5000);
  expect(await codesOf(() => read(`${headerOf(5001)}\n`))).toEqual(['import_too_many_columns']);
});

describe('JSON', () => {
  it.each([
    [
      'a line each',
      '{"a":1}\n\n{"a":2}\r\n',
      [
        [1, '{"a":1}'],
        [3, '{"a":2}\r'],
      ],
    ],
    [
      'a list',
      '[{"a":1},{"a":[2,"]}\\""]}]',
      [
        [1, '{"a":1}'],
        [1, '{"a":[2,"]}\\""]}'],
      ],
    ],
    [
      'a formatted list',
      '[\n  {\n    "a": 1\n  },\n  {"a": 2}\n]\n',
      [
        [2, '{\n    "a": 1\n  }'],
        [5, '{"a": 2}'],
      ],
    ],
    [
      'formatted values one after another',
      '{\n "a": 1\n}\n{\n "a": 2\n}\n',
      [
        [1, '{\n "a": 1\n}'],
        [4, '{\n "a": 2\n}'],
      ],
    ],
    [
      'items that are no objects',
      '[1, "x, y", null\n,[2]]',
      [
        [1, '1'],
        [1, '"x, y"'],
        [1, 'null'],
        [2, '[2]'],
      ],
    ],
  ])('%s', async (_, text, rows) => {
    expect((await read(text, 'file.json')).rows).toEqual(rows);
    // What it is does not hang on the name.
    expect((await read(text, 'file')).rows).toEqual(rows);
  });

  it('a list is cut into items wherever a piece of the file ends, and an item too long is let go', async () => {
    const items = Array.from({ length: 30_000 }, (_, i) =>
      JSON.stringify({ i, text: '"}]{,'.repeat(i % 11) }),
    );
    items[15_000] = JSON.stringify('x'.repeat(1_100_000));
    const { rows } = await read(`[\n${items.join(',\n')}\n]`, 'file.json');
    expect(rows).toHaveLength(items.length);
    expect(
      rows.every(([line, text], at) => line === at + 2 && text === (at === 15_000 ? null : items[at])),
    ).toBe(true);
  });

  it.each([
    '[{"a":1}',
    '[{"a":1} {"a":2}]',
    '[{"a":1},]',
    '[{"a":1}]]',
    '[,{"a":1}]',
    '[{"a":1]}',
    '[{"a":"1}]',
  ])('`%s` is refused whole', async (text) => {
    const [problem] = await problemsOf(() => read(text, 'file.json'));
    expect([problem?.code, problem?.message]).toEqual([
      'import_malformed',
      expect.stringContaining('line 1'),
    ]);
  });
});

it.each([
  ['an Excel workbook', Buffer.from('504b030414000600', 'hex'), 'CSV UTF-8'],
  ['an old Excel workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'CSV UTF-8'],
  ['a file of NUL bytes', Buffer.alloc(3000), 'again'],
  ['a gzip file', Buffer.from('1f8b080000000000', 'hex'), 'unpack'],
])('%s is named, with what to do instead', async (_, bytes, hint) => {
  const [problem] = await problemsOf(() => read(bytes, 'people.csv'));
  expect([problem?.code, problem?.hint]).toEqual(['import_not_text', expect.stringContaining(hint)]);
});
