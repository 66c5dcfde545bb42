import { describe, expect, it } from 'vitest';
import { operators } from '../../src/filter/parse/operators.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { sentence, sentenceOf } from '../../src/filter/sentence.js';
import { momentOf } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';

const role = { var: 'custom:role' };
const seats = { var: 'custom:seats' };
const seen = { var: 'last_seen' };
const now = { ago: [0, 'days'] };
const admin = { '==': [role, 'admin'] };
const pro = { '==': [{ var: 'company.custom:plan' }, 'pro'] };
const named = { '!=': [{ var: 'name' }, 'Ann'] };

const rows = (table: readonly (readonly [unknown, string])[]) =>
  it.each(table.map(([input, words]) => [words, input] as const))('%s', (words, input) => {
    expect(sentence(parseFilter(input))).toBe(words);
  });

describe('a condition reads', () => {
  rows([
    [admin, 'role is "admin"'],
    [{ '==': [seats, 5] }, 'seats is 5'],
    [{ '==': [{ var: 'on_contract' }, true] }, 'on_contract is true'],
    [{ '!=': [role, 'admin'] }, 'role is set and is not "admin"'],
    [{ '<': [seats, 5] }, 'seats is set and is less than 5'],
    [{ '<=': [seats, 5] }, 'seats is set and is at most 5'],
    [{ '>': [seats, 5] }, 'seats is more than 5'],
    [{ '>=': [{ var: 'days_since_signup' }, 3] }, 'days since signup is at least 3'],
    [{ '<': [role, 'm'] }, 'role is set and sorts before "m"'],
    [{ '<=': [role, 'm'] }, 'role is set and sorts at or before "m"'],
    [{ '>': [role, 'm'] }, 'role sorts after "m"'],
    [{ '>=': [role, 'm'] }, 'role sorts at or after "m"'],
    [{ '==': [seen, '2026-01-31'] }, 'last_seen is exactly 2026-01-31'],
    [{ '!=': [seen, '2026-01-31'] }, 'last_seen is set and is not exactly 2026-01-31'],
    [{ '<': [seen, { ago: [14, 'days'] }] }, 'last_seen is set and is earlier than 14 days ago'],
    [{ '<=': [seen, { ago: [1, 'hours'] }] }, 'last_seen is set and is 1 hour ago at the latest'],
    [{ '>': [seen, { from_now: [2, 'weeks'] }] }, 'last_seen is later than 2 weeks from now'],
    [{ '>=': [seen, { start_of: ['week'] }] }, 'last_seen is the start of this week or later'],
    [{ '>': [seen, { start_of: ['day', -1] }] }, 'last_seen is later than the start of yesterday'],
    [{ '>': [seen, { start_of: ['day', 1] }] }, 'last_seen is later than the start of tomorrow'],
    [{ '>': [seen, { start_of: ['month', -1] }] }, 'last_seen is later than the start of last month'],
    [{ '>': [seen, { start_of: ['year', 1] }] }, 'last_seen is later than the start of next year'],
    [
      { '>': [seen, { start_of: ['week', -3] }] },
      'last_seen is later than the start of the week 3 weeks ago',
    ],
    [{ '<': [seen, now] }, 'last_seen is set and is earlier than now'],
    [{ between: [seen, { ago: [30, 'days'] }, now] }, 'last_seen is in the last 30 days'],
    [
      { between: [seen, { ago: [1, 'months'] }, { from_now: [0, 'hours'] }] },
      'last_seen is in the last 1 month',
    ],
    [
      { between: [seen, { start_of: ['day', 0] }, { from_now: [60, 'days'] }] },
      'last_seen is in the next 60 days',
    ],
    [{ between: [seen, now, { from_now: [60, 'days'] }] }, 'last_seen is between now and 60 days from now'],
    [{ between: [seen, now, { from_now: [2, 'hours'] }] }, 'last_seen is in the next 2 hours'],
    [{ '<': [seen, { at: '2026-12-05T00:00:00Z' }] }, 'last_seen is set and is earlier than 2026-12-05'],
    [
      { between: [seen, { ago: [9, 'days'] }, { ago: [2, 'days'] }] },
      'last_seen is between 9 days ago and 2 days ago',
    ],
    [{ between: [seats, 1, 5] }, 'seats is between 1 and 5'],
    [{ in: [role, ['a']] }, 'role is "a"'],
    [{ in: [role, ['a', 'b']] }, 'role is one of "a" or "b"'],
    [{ in: [role, ['a', 2, true, '', 'e']] }, 'role is one of "a", 2, true, "" or "e"'],
    [{ in: [role, ['a', 'b', 'c', 'd', 'e', 'f']] }, 'role is one of "a", "b", "c" and 3 more'],
    [
      { in: [role, ['a', 'b', 'c', ...Array.from({ length: 9997 }, (_, index) => index)]] },
      'role is one of "a", "b", "c" and 9,997 more',
    ],
    [{ contains: [role, '50%'] }, 'role contains "50%"'],
    [{ starts_with: [role, 'a'] }, 'role starts with "a"'],
    [{ ends_with: [{ lower: role }, 'a'] }, 'role in lower case ends with "a"'],
    [{ has: [role, 'a'] }, 'role includes "a"'],
    [{ has_any: [role, ['a', 'b']] }, 'role includes any of "a" or "b"'],
    [{ has_all: [role, ['a', 'b', 3]] }, 'role includes all of "a", "b" and 3'],
    [{ exists: role }, 'role is set'],
    [{ missing: role }, 'role is not set'],
    [
      { percent: ['pricing', 0, 12.5] },
      'falls in the slice from 0% to 12.5% of everybody as drawn by "pricing"',
    ],
    [{ everyone: true }, 'everyone'],
  ]);
});

describe('a field is told from every other', () => {
  rows([
    [{ exists: { var: 'company.name' } }, 'company name is set'],
    [{ exists: { var: 'company.custom:plan' } }, 'company plan is set'],
    [{ exists: { var: 'company.days_since_signup' } }, 'company days since signup is set'],
    [{ exists: { var: 'company.company_id' } }, 'company_id is set'],
    [{ exists: { var: 'custom:company_id' } }, 'custom:company_id is set'],
    [{ exists: { var: 'custom:email' } }, 'custom:email is set'],
    [{ exists: { var: 'company.custom:name' } }, 'company custom:name is set'],
    [{ exists: { var: 'custom:/a/0' } }, '/a/0 is set'],
    [{ exists: { var: 'custom:is set and name' } }, '"is set and name" is set'],
    [{ exists: { var: 'custom:a"b\n' } }, '"a\\"b\\n" is set'],
    [{ exists: { var: 'custom:__proto__' } }, '__proto__ is set'],
  ]);
});

describe('people with no value', () => {
  rows([
    [{ '!': admin }, 'not (role is "admin"), which includes people with no role'],
    [{ '!': named }, 'not (name is set and is not "Ann"), which includes people with no name'],
    [
      { '!': { and: [admin, pro] } },
      'not (role is "admin" and company plan is "pro"), which includes people with no role or no company plan',
    ],
    [
      { '!': { or: [admin, pro] } },
      'not (role is "admin" or company plan is "pro"), which includes people with none of these set',
    ],
    [
      { '!': { or: [admin, { exists: role }] } },
      'not (role is "admin" or role is set), which includes people with no role',
    ],
    [{ '!': { or: [admin, { missing: role }] } }, 'not (role is "admin" or role is not set)'],
    [{ '!': { '!': admin } }, 'role is "admin"'],
    [{ or: [pro, { '<': [seats, 5] }] }, 'company plan is "pro" or (seats is set and is less than 5)'],
    [{ '<': [{ var: 'days_since_signup' }, 14] }, 'days since signup is less than 14'],
    [{ '!': { '<': [{ var: 'days_since_signup' }, 14] } }, 'not (days since signup is less than 14)'],
    [
      { '<': [{ var: 'company.days_since_signup' }, 14] },
      'company days since signup is set and is less than 14',
    ],
    [{ and: [{ exists: role }, { '!': admin }] }, 'role is set and not (role is "admin")'],
    [
      { and: [{ exists: role }, { or: [{ '!': { and: [admin, pro] } }, named] }] },
      'role is set and (not (role is "admin" and company plan is "pro") (which includes people with no company plan) or (name is set and is not "Ann"))',
    ],
    [
      { and: [{ exists: seats }, { '!': { or: [admin, { '==': [seats, 5] }] } }] },
      'seats is set and not (role is "admin" or seats is 5)',
    ],
    [{ '!': { exists: role } }, 'not (role is set)'],
    [{ '!': { missing: role } }, 'not (role is not set)'],
    [
      { '!': { percent: ['a', 0, 10] } },
      'not (falls in the slice from 0% to 10% of everybody as drawn by "a")',
    ],
    [{ '!': { everyone: true } }, 'nobody'],
    [
      { and: [{ '!': admin }, pro] },
      'not (role is "admin") (which includes people with no role) and company plan is "pro"',
    ],
    [
      { '!': { and: ['a', 'b', 'c', 'd'].map((key) => ({ '==': [{ var: `custom:${key}` }, 1] })) } },
      'not (a is 1 and b is 1 and c is 1 and d is 1), which includes people with no a or no b or no c, among others',
    ],
  ]);
});

describe('parentheses stand only where they are needed', () => {
  rows([
    [
      { and: [admin, { and: [pro, named] }] },
      'role is "admin" and company plan is "pro" and name is set and is not "Ann"',
    ],
    [{ or: [admin, { or: [pro] }] }, 'role is "admin" or company plan is "pro"'],
    [
      { and: [admin, { or: [pro, named] }] },
      'role is "admin" and (company plan is "pro" or (name is set and is not "Ann"))',
    ],
    [
      { or: [{ and: [admin, pro] }, { exists: role }] },
      '(role is "admin" and company plan is "pro") or role is set',
    ],
    [{ and: [{ or: [admin] }] }, 'role is "admin"'],
    [{ or: [{ and: [named] }, admin] }, '(name is set and is not "Ann") or role is "admin"'],
  ]);
});

const answered = [...operators].filter(([name]) => name !== 'segment');

it.each(answered)('%s has words', (_, { example }) => {
  expect(sentence(parseFilterText(example))).toMatch(/^\S.*\S$/);
});

it.each([
  ['<', 2, true],
  ['<=', 2, true],
  ['!=', 2, true],
  ['>=', 0, true],
  ['==', 2, false],
  ['>=', 1, false],
  ['>', 2, false],
])('did %s %d says whether whoever never did it is among them', (operator, times, never) => {
  const filter = parseFilter({ did: { event: 'e', count: [operator, times] } });
  expect(sentence(filter).includes('(or never)')).toBe(never);
  expect(compilePredicate(filter, momentOf('2026-03-01T12:00:00Z'))({})).toBe(never);
});

it('each condition of a filter reads alone as it does inside', () => {
  const tree = parseFilter({ and: [admin, { or: [pro, { '!': named }] }] });
  const words = leavesOf(tree).map(({ leaf }) => sentenceOf(leaf));
  expect(words).toEqual(['role is "admin"', 'company plan is "pro"', 'name is set and is not "Ann"']);
});

it('a long text is cut, at a whole character', () => {
  const words = sentence(parseFilter({ '==': [role, '😀'.repeat(200)] }));
  expect(words).toBe(`role is "${'😀'.repeat(100)}…"`);
});
