import { expect, it } from 'vitest';
import { csvCell, csvLine } from '../../src/traits/index.js';

it.each([
  ['=1+1', `'=1+1`],
  ['+cmd', `'+cmd`],
  ['-2+3', `'-2+3`],
  ['@SUM(A1)', `'@SUM(A1)`],
  ['\t=1', `'\t=1`],
  ['\r=1', `"'\r=1"`],
  ['\n=1', `"'\n=1"`],
  ['＝1+1', `'＝1+1`],
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
])('%j would begin a formula and becomes text', (cell, written) => {
  expect(csvCell(cell)).toBe(written);
});

it.each(['-5', '0', '12.5', 'plain', '', 'a=b', ' =x', '007'])('%j stays as it is', (cell) => {
  expect(csvCell(cell)).toBe(cell);
});

it('quotes what holds a separator, a quote or a line break, and ends the line with CRLF', () => {
  expect(csvLine(['a,b', 'say "x"', 'two\nlines', ''])).toBe('"a,b","say ""x""","two\nlines",\r\n');
});
