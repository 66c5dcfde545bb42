import { defaultOperators, formatQuery } from '@react-querybuilder/core';
import type { RuleGroupType, RuleType } from '@react-querybuilder/core';
import { expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter } from '../../src/filter/parse.js';
import { printFilter } from '../../src/filter/print.js';

const field = 'custom:seats';
const f = { var: field };

function written(
  rules: RuleGroupType['rules'],
  rest: Partial<RuleGroupType> = {},
  parseNumbers = true,
): unknown {
  return formatQuery({ combinator: 'and', rules, ...rest }, { format: 'jsonlogic', parseNumbers });
}

function rule(operator: string, value: unknown, rest: Partial<RuleType> = {}): RuleType {
  return { field, operator, value, ...rest };
}

/** Our own form of every operator of the editor with this value, `not` ones by their inner form. */
function ours(operator: string, value: unknown): unknown {
  const ends: readonly unknown[] = Array.isArray(value) ? value : [];
  const [low, high] = ends;
  const forms: Readonly<Record<string, unknown>> = {
    '=': { '==': [f, value] },
    '!=': { '!=': [f, value] },
    '<': { '<': [f, value] },
    '>': { '>': [f, value] },
    '<=': { '<=': [f, value] },
    '>=': { '>=': [f, value] },
    contains: { contains: [f, value] },
    beginsWith: { starts_with: [f, value] },
    endsWith: { ends_with: [f, value] },
    doesNotContain: { '!': { contains: [f, value] } },
    doesNotBeginWith: { '!': { starts_with: [f, value] } },
    doesNotEndWith: { '!': { ends_with: [f, value] } },
    null: { missing: f },
    notNull: { exists: f },
    in: { in: [f, value] },
    notIn: { '!': { in: [f, value] } },
    between: { between: [f, low, high] },
    notBetween: { '!': { between: [f, low, high] } },
  };
  return forms[operator];
}

const lists = new Set(['in', 'notIn', 'between', 'notBetween']);
const texts = new Set([
  'contains',
  'beginsWith',
  'endsWith',
  'doesNotContain',
  'doesNotBeginWith',
  'doesNotEndWith',
]);
const ordered = new Set(['<', '<=', '>', '>=']);

/** Values that the editor's inputs give an operator. */
function valuesFor(operator: string): unknown[] {
  if (operator === 'null' || operator === 'notNull') return [''];
  if (lists.has(operator)) {
    return [
      [5, 10],
      ['a', 'b, c'],
      ['2026-01-01', '2026-02-01'],
    ];
  }
  if (texts.has(operator)) return ['x', '', '50%', "it's"];
  return ordered.has(operator) ? [5, 'x', '2026-01-01'] : [5, 'x', true, '2026-01-01'];
}

it('every operator of react-querybuilder, with every kind of value, is the same tree as our own form', () => {
  const seen = defaultOperators.map(({ name }) => name);
  for (const name of seen) {
    for (const value of valuesFor(name)) {
      const document = written([rule(name, value)]);
      const own = { and: [ours(name, value)] };
      expect([name, value, printFilter(parseFilter(document))]).toEqual([
        name,
        value,
        printFilter(parseFilter(own)),
      ]);
    }
  }
  expect(seen).toHaveLength(18);
});

it('groups, "not" and groups in groups are read as they are', () => {
  const inner: RuleGroupType = { combinator: 'or', not: true, rules: [rule('=', 5), rule('null', '')] };
  const document = written([rule('>', 1), inner], { not: true });
  expect(printFilter(parseFilter(document))).toEqual({
    '!': { and: [{ '>': [f, 1] }, { '!': { or: [{ '==': [f, 5] }, { missing: f }] } }] },
  });
});

it('what has no meaning here is refused with a hint, and what a hint writes is read', () => {
  const any = {
    ...rule('=', ''),
    match: { mode: 'some' as const },
    value: { combinator: 'and', rules: [{ field: 'x', operator: '=', value: 1 }] },
  };
  const refused: [unknown, string, string][] = [
    [written([rule('=', 'custom:other', { valueSource: 'field' })]), '/and/0/==/1', 'two fields'],
    [written([rule('between', 'custom:a,custom:b', { valueSource: 'field' })]), '/and/0/<=', 'between'],
    [written([any]), '/and/0/some', '"has_any"'],
    [written([]), '', '{"everyone": true}'],
    [written([{ field: 'firstName', operator: '=', value: 'A' }]), '/and/0/==/0/var', 'custom:firstName'],
    [
      written([{ field: 'address.city', operator: '=', value: 'A' }]),
      '/and/0/==/0/var',
      '`custom:/address/city`',
    ],
  ];
  for (const [document, path, hint] of refused) {
    const problems = problemsOf(document);
    expect([document, problems[0]?.path]).toEqual([document, path]);
    expect(problems[0]?.hint).toContain(hint);
  }
  const xor = written([rule('=', 1), rule('=', 2)], { combinator: 'xor' });
  expect(problemsOf(xor)[0]?.hint).toBe(
    'for exactly one of the two write {"and": [{"or": [{"==": [{"var": "custom:seats"}, 1]}, {"==": [{"var": "custom:seats"}, 2]}]}, ' +
      '{"!": {"and": [{"==": [{"var": "custom:seats"}, 1]}, {"==": [{"var": "custom:seats"}, 2]}]}}]}',
  );
});

function problemsOf(document: unknown) {
  try {
    parseFilter(document);
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return [];
}
