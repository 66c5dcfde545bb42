import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { lintFilter } from '../../src/filter/lint.js';
import { parseEventFilter, parseFilter } from '../../src/filter/parse.js';
import { printFilter } from '../../src/filter/print.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { recordOfEvent } from '../../src/filter/did.js';
import { momentOf } from '../../src/filter/time.js';
import type { Moment } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import { completeRecords } from '../meaning/support.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';

const role = { var: 'custom:role' };
const age = { var: 'custom:age' };
const moment = momentOf('2026-03-01T12:00:00Z', 'Europe/Berlin');
const lint = (filter: unknown): string[] =>
  lintFilter(parseFilter(filter), moment).map(({ code, path }) => `${code} ${path}`);

const did = (operator: string, times: number) => ({ did: { event: 'e', count: [operator, times] } });

it('clauses that cannot hold together are told at the smallest part that holds them', () => {
  expect(lint({ and: [{ '==': [role, 'a'] }, { '==': [role, 'b'] }] })).toEqual(['contradiction ']);
  expect(lint({ and: [{ '>': [age, 5] }, { '<': [age, 3] }] })).toEqual(['contradiction ']);
  expect(
    lint({
      or: [{ exists: age }, { and: [{ exists: role }, { or: [{ missing: role }, { missing: role }] }] }],
    }),
  ).toEqual(['contradiction /or/1', 'duplicate_clause /or/1/and/1/or/1']);
  expect(lint({ and: [{ in: [role, ['a', 'b']] }, { '!': { in: [role, ['b', 'a', 'c']] } }] })).toEqual([
    'contradiction ',
  ]);
  expect(lint({ and: [{ '==': [role, 'a'] }, { '==': [role, 5] }] })).toEqual(['contradiction ']);
  expect(lint({ and: [did('>=', 3), did('==', 0)] })).toEqual(['contradiction ']);
});

const done = (times: unknown, more: object = {}) => ({ did: { event: 'e', count: times, ...more } });

it('whoever did something in a window did it in a longer one, and whoever did it under a condition did it', () => {
  const [once, never] = [
    ['>=', 1],
    ['==', 0],
  ];
  const where = { '>': [{ var: 'property:amount' }, 5] };
  for (const [narrow, wide] of [
    [done(once, { within: [7, 'days'] }), done(never)],
    [done(once, { within: [7, 'days'] }), done(never, { within: [1, 'months'] })],
    [done(once, { where }), done(never)],
    [done(['>', 3], { where, within: [7, 'days'] }), done(['<', 3], { where, within: [8, 'days'] })],
    [{ '!': done(never, { within: [7, 'days'] }) }, { '!': done(once) }],
  ]) {
    expect([narrow, wide, lint({ and: [wide, { exists: role }, narrow] })]).toEqual([
      narrow,
      wide,
      ['contradiction '],
    ]);
  }
  for (const [narrow, wide] of [
    [done(never, { within: [7, 'days'] }), done(once, { within: [30, 'days'] })],
    [done(never, { where }), done(once)],
    [done(once, { where }), done(never, { where: { '>': [{ var: 'property:amount' }, 9] } })],
    [done(once, { within: [7, 'days'] }), { did: { event: 'other', count: never } }],
    [done(['>=', 2], { within: [7, 'days'] }), done(['<', 3])],
  ]) {
    expect([narrow, wide, lint({ and: [narrow, wide] })]).toEqual([narrow, wide, []]);
  }
  expect(lint({ or: [done(['<', 5], { within: [7, 'days'] }), done(['>=', 2])] })).toEqual(['always_true ']);
});

it('what can hold together is not told: other fields, letters, ends that meet, people without a value under !', () => {
  for (const filter of [
    { and: [{ '==': [role, 'a'] }, { '==': [{ lower: role }, 'b'] }] },
    { and: [{ '>=': [age, 5] }, { '<=': [age, 5] }] },
    { and: [{ '!': { '==': [role, 'a'] } }, { '!': { '!=': [role, 'a'] } }] },
    { and: [{ missing: role }, { '!': { '!=': [role, 'a'] } }] },
    { and: [{ missing: role }, { '!': { contains: [role, ''] } }] },
    { and: [{ contains: [role, 'a'] }, { '!': { contains: [role, 'b'] } }] },
    {
      did: {
        event: 'e',
        where: { and: [{ '==': [{ var: 'property:a' }, 1] }, { exists: { var: 'property:b' } }] },
      },
    },
    { percent: ['salt', 0, 99] },
    { or: [{ '==': [role, 'a'] }, { '!=': [role, 'a'] }] },
    { and: [{ '==': [role, '2026-01-01'] }, { '==': [role, { at: '2026-01-01T00:00:00Z' }] }] },
  ]) {
    expect(lint(filter)).toEqual([]);
  }
});

it('a clause and its opposite are told, of whatever kind the clause is, inside "where" too', () => {
  const deep = { or: [{ contains: [role, 'a'] }, { has: [role, 'b'] }] };
  for (const clause of [
    { contains: [role, 'a'] },
    { has_any: [role, ['a', 'b']] },
    { '<': [role, 'm'] },
    { percent: ['salt', 0, 10] },
    did('>=', 3),
    deep,
  ]) {
    expect(lint({ and: [clause, { '!': clause }] })).toEqual(['contradiction ']);
    expect(lint({ or: [{ '!': clause }, clause] })).toEqual(['always_true ']);
  }
  const plan = { '==': [{ var: 'property:plan' }, 'a'] };
  const within = (where: unknown) => lint({ did: { event: 'e', where } });
  expect(within({ and: [plan, { '!': plan }] })).toEqual(['contradiction /did/where']);
  expect(within({ and: [plan, plan] })).toEqual(['duplicate_clause /did/where/and/1']);
  expect(lint({ percent: ['salt', 0, 100] })).toEqual(['always_true ']);
  expect(lint({ and: [{ percent: ['s', 0, 30] }, { percent: ['s', 30, 100] }] })).toEqual(['contradiction ']);
});

it('a window whose ends stand the wrong way round holds nothing', () => {
  const seen = { var: 'last_seen' };
  expect(lint({ between: [seen, { ago: [0, 'days'] }, { ago: [30, 'days'] }] })).toEqual(['empty_window ']);
  expect(lint({ and: [{ between: [age, 9, 2] }, { exists: role }] })).toEqual(['empty_window /and/0']);
  expect(
    lint({ and: [{ '>': [seen, { ago: [7, 'days'] }] }, { '<': [seen, { ago: [30, 'days'] }] }] }),
  ).toEqual(['contradiction ']);
});

it('what everybody matches is told, and the explicit whole audience is not', () => {
  expect(lint({ or: [{ exists: role }, { missing: role }] })).toEqual(['always_true ']);
  expect(lint({ or: [{ '==': [role, 'a'] }, { '!': { '==': [role, 'a'] } }] })).toEqual(['always_true ']);
  expect(lint({ did: { event: 'e', count: ['>=', 0] } })).toEqual(['always_true ']);
  expect(lint({ everyone: true })).toEqual([]);
});

it('a clause that stands twice is told once, the second time', () => {
  const twice = [{ '==': [role, 'a'] }, { and: [{ exists: age }, { '==': [role, 'a'] }] }];
  expect(lint({ and: twice })).toEqual(['duplicate_clause /and/1/and/1']);
});

it('a list of ten thousand items is no more than gone through', () => {
  const items = Array.from({ length: 10_000 }, (_, index) => index);
  const others = items.map((item) => item + 0.5);
  expect(lint({ and: [{ in: [age, items] }, { in: [age, others] }] })).toEqual(['contradiction ']);
});

it('for whatever filter and whatever people, a finding is true of everybody', () => {
  const sample = fc.sample(fc.tuple(filterArbitrary, momentArbitrary), { seed: 20_264, numRuns: 400 });
  // Two filters about little, joined, contradict each other more often than one about much.
  const documents = sample.flatMap(([one, { now, zone }], index) => {
    const [other] = sample[(index + 1) % sample.length] ?? [one];
    const at = momentOf(now, zone);
    return [
      one,
      { and: [one, { '!': one }, other] },
      { or: [one, other, { '!': other }] },
      { and: [one, other, one] },
    ].map((document) => [document, at] as const);
  });
  const counts = sample.flatMap(([one]) =>
    leavesOf(parseFilter(one, { segments: savedSegments })).flatMap(({ leaf }) =>
      leaf.kind === 'did' ? [leaf] : [],
    ),
  );
  counts.forEach((one, index) => {
    const other = { ...(counts[index + 1] ?? one), event: one.event };
    const [a, b] = [one, other].map(printFilter);
    const at = momentOf('2026-03-01T12:00:00Z', 'Europe/Berlin');
    documents.push([{ and: [a, b] }, at], [{ or: [a, b] }, at], [{ and: [a, { '!': b }] }, at]);
  });
  const told = new Map<string, number>();
  const untrue: unknown[] = [];
  for (const [document, at] of documents) {
    const filter = parseFilter(document, { segments: savedSegments });
    for (const { code, severity, path } of lintFilter(filter, at)) {
      // What is probably not meant is no statement about people.
      if (!sound.has(code) || (code === 'never_lower_case' && severity === 'warning')) continue;
      told.set(code, (told.get(code) ?? 0) + 1);
      const wrong = wronglyTold(code, path, document, at);
      if (wrong > 0) untrue.push({ code, path, document, wrong });
    }
  }
  expect(untrue).toEqual([]);
  // A linter that says nothing would be right too.
  for (const code of ['contradiction', 'empty_window', 'always_true', 'duplicate_clause']) {
    expect([code, (told.get(code) ?? 0) > 10]).toEqual([code, true]);
  }
});

const sound = new Set([
  'contradiction',
  'empty_window',
  'always_true',
  'duplicate_clause',
  'never_lower_case',
]);

const people = completeRecords(recordsOf(20_263, 100));
const events = people.flatMap((person) => person.events ?? []).map(recordOfEvent);

/** Of how many people a finding is not true. */
function wronglyTold(code: string, path: string, document: unknown, at: Moment): number {
  const matches = (asked: unknown) => compilePredicate(parseFilter(asked, { segments: savedSegments }), at);
  if (code === 'duplicate_clause') {
    const [whole, without] = [matches(document), matches(removed(document, path))];
    return people.filter((each) => whole(each) !== without(each)).length;
  }
  // A part of `where` is about an event.
  const inWhere = path.includes('/where');
  const part = inWhere
    ? compilePredicate(parseEventFilter(partAt(document, path)), at)
    : matches(partAt(document, path));
  return (inWhere ? events : people).filter((each) => part(each) !== (code === 'always_true')).length;
}

function tokensOf(path: string): string[] {
  return path.split('/').slice(1);
}

function partAt(document: unknown, path: string): unknown {
  return tokensOf(path).reduce<unknown>((value, token) => Reflect.get(Object(value), token), document);
}

function removed(document: unknown, path: string): unknown {
  // Through text: a part that stands twice in the document is one object, and only one place of it is to go.
  const copy: unknown = JSON.parse(JSON.stringify(document));
  const tokens = tokensOf(path);
  const last = Number(tokens.at(-1));
  const list = partAt(
    copy,
    tokens
      .slice(0, -1)
      .map((token) => `/${token}`)
      .join(''),
  );
  if (Array.isArray(list)) list.splice(last, 1);
  return copy;
}
