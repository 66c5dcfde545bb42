import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { operators } from '../../src/filter/parse/operators.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { equalFilters, printFilter } from '../../src/filter/print.js';

const role = { var: 'custom:role' };
const options = { segments: new Map([['power-users', { exists: { var: 'email' } }]]) };

describe('printing a filter', () => {
  it.each([...operators])('%s: parse(print(tree)) = tree', (_, { example }) => {
    const tree = parseFilterText(example, options);
    expect(parseFilter(printFilter(tree), options)).toEqual(tree);
  });

  it.each([
    ['! in a list', { '!': [{ exists: [role] }] }, { '!': { exists: role } }],
    ['var in a list', { exists: { var: ['email'] } }, { exists: { var: 'email' } }],
    ['lower in a list', { '==': [{ lower: [role] }, 'a'] }, { '==': [{ lower: role }, 'a'] }],
    ['the second form of in', { in: ['Ltd', { var: 'name' }] }, { contains: [{ var: 'name' }, 'Ltd'] }],
    ['everyone as a list', { everyone: [] }, { everyone: true }],
    ['everyone as an object', { everyone: {} }, { everyone: true }],
    [
      'a bare start_of',
      { '>': [{ var: 'last_seen' }, { start_of: 'day' }] },
      { '>': [{ var: 'last_seen' }, { start_of: ['day', 0] }] },
    ],
    [
      'ISO text on a time column',
      { '>': [{ var: 'last_seen' }, '2026-01-01'] },
      { '>': [{ var: 'last_seen' }, { at: '2026-01-01' }] },
    ],
    ['did without a count', { did: { event: 'x' } }, { did: { event: 'x', count: ['>=', 1] } }],
    [
      'a whole did',
      {
        did: {
          where: { exists: [{ var: 'property:/a~1b' }] },
          within: [2, 'weeks'],
          count: ['==', -0],
          event: 'x',
        },
      },
      {
        did: {
          event: 'x',
          count: ['==', 0],
          within: [2, 'weeks'],
          where: { exists: { var: 'property:/a~1b' } },
        },
      },
    ],
    ['minus zero', { '==': [role, -0] }, { '==': [role, 0] }],
  ])('writes %s in its canonical form', (_, input, printed) => {
    expect(printFilter(parseFilter(input))).toStrictEqual(printed);
  });

  it.each([
    'custom:a.b',
    'custom:__proto__',
    'custom:constructor',
    'custom:/a~1b/~0/0/',
    'company.custom:company.name',
    'custom:custom:x',
    'custom:"; drop table x --',
  ])('keeps the field %s as it was written', (name) => {
    expect(printFilter(parseFilter({ exists: { var: name } }))).toStrictEqual({ exists: { var: name } });
  });
});

describe('equal filters', () => {
  it('are equal wherever they were written', () => {
    const alone = parseFilter({ exists: role });
    const inside = parseFilter({ '!': { exists: role } });
    expect(inside.kind === 'not' && equalFilters(alone, inside.operand)).toBe(true);
  });

  it.each([
    [{ exists: role }, { missing: role }],
    [{ '==': [role, '1'] }, { '==': [role, 1] }],
    [{ '==': [role, '2026-01-01'] }, { '==': [role, { at: '2026-01-01' }] }],
    [{ '==': [{ lower: role }, 'a'] }, { '==': [role, 'a'] }],
    [{ exists: { var: 'custom:a/b' } }, { exists: { var: 'custom:/a/b' } }],
    [{ exists: { var: 'name' } }, { exists: { var: 'company.name' } }],
    [{ in: [role, ['a', 'b']] }, { in: [role, ['b', 'a']] }],
    [{ in: [role, ['a', 'b']] }, { in: [role, ['a']] }],
    [{ and: [{ exists: role }] }, { exists: role }],
    [{ did: { event: 'x' } }, { did: { event: 'y' } }],
    [{ did: { event: 'x' } }, { did: { event: 'x', count: ['>', 1] } }],
    [{ did: { event: 'x' } }, { did: { event: 'x', within: [1, 'days'] } }],
    [{ did: { event: 'x', where: { everyone: true } } }, { did: { event: 'x' } }],
  ])('%j differs from %j', (a, b) => {
    expect(equalFilters(parseFilter(a), parseFilter(b))).toBe(false);
  });
});

describe('docs/filter.md', () => {
  const text = readFileSync(new URL('../../docs/filter.md', import.meta.url), 'utf8');

  it.each([...operators])('shows the example of %s that refusals quote', (operator, { example }) => {
    expect(text).toContain(`| \`${operator}\` | \`${example}\` |`);
  });

  const whole = /```json\n([\s\S]*?)```|`(\{"(?!ago|from_now|at|start_of|lower|var).*?\})`/g;
  const shown = [...text.matchAll(whole)].map(([, block, inline]) => block ?? inline ?? '');

  it.each(shown)('shows a filter that parses: %s', (example) => {
    expect(() => parseFilterText(example, options)).not.toThrow();
  });

  it('shows more than twenty filters', () => {
    expect(shown.length).toBeGreaterThan(20);
  });
});
