import { describe, expect, it } from 'vitest';
import { compileRule, evaluateRule } from '../../src/audience/rules/evaluate.js';
import { parseRule, parseRuleText } from '../../src/audience/rules/parse.js';
import { MusterError } from '../../src/errors/index.js';
import { momentOf } from '../../src/filter/time.js';
import type { MeaningCase } from '../meaning/cases.js';
import { readThemes, segmentsOf } from '../meaning/cases.js';
import { layOut } from '../meaning/population.js';

/** The case file of the language, by the rule evaluator: a condition means in a rule exactly what it means in a filter. */
const themes = readThemes();
const options = { segments: segmentsOf(themes) };
// People as their rows are, so that each case is about the same person here as everywhere.
const { people, positionOf } = layOut(themes);

/** A rule of every shape that a condition can stand in. */
const shapes: Readonly<Record<string, (condition: unknown) => unknown>> = {
  'in the place of a value': (condition) => condition,
  'of the first branch': (condition) => ({ if: [condition, true, false] }),
  'of the last branch, with the default behind it': (condition) => ({
    if: [{ '!': { everyone: true } }, 0, condition, true],
  }),
  'inside a branch': (condition) => ({
    if: [{ everyone: true }, { if: [condition, true, '0'] }, 'x'],
  }),
};

const outcomes = [true, false, 0, '0', 'x'];
const falsy: readonly unknown[] = [false, '0'];
const ruleOf = (rule: unknown): unknown => ({
  key: 'case',
  title: 'A case',
  decides: 'value',
  outcomes,
  default: false,
  rule,
});

const meanings = themes.flatMap((theme) => theme.meanings.map((each) => [each.name, each] as const));
const refusals = themes.flatMap((theme) => theme.refusals.map((each) => [each.name, each] as const));

it('no case is left out', () => {
  expect(meanings.length + refusals.length).toBeGreaterThan(1390);
});

describe('a verdict', () => {
  it.each(meanings)('%s', (_, each) => {
    const moment = momentOf(each.now, each.zone);
    const person = people[positionOf(each)] ?? {};
    const found: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(shapes)) {
      const rule = parseRule(ruleOf(shape(each.filter)), options);
      const { value } = compileRule(rule, moment)(person);
      found[name] = value === true ? true : falsy.includes(value) ? false : value;
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(shapes).map((name) => [name, each.expected])));
    expect(explained(each)).toEqual({ verdict: each.expected, reasons: each.clauseReasons });
  });
});

/** What the explanation says of the condition, by the judges and not by the predicate. */
function explained(each: MeaningCase): unknown {
  const rule = parseRule(ruleOf({ if: [each.filter, true, false] }), options);
  const person = people[positionOf(each)] ?? {};
  const [condition] = evaluateRule(rule, person, momentOf(each.now, each.zone)).conditions;
  const reasons = condition?.clauses.map(({ reason }) => reason);
  expect(condition?.tree.verdict).toBe(condition?.verdict);
  return { verdict: condition?.verdict, reasons: each.clauseReasons === null ? null : reasons };
}

describe('refused', () => {
  it.each(refusals)('%s', (_, { text, refused, isJson }) => {
    const around = JSON.stringify(ruleOf({ if: ['HERE', true, false] }));
    const problems = problemsOf(around.replace('"HERE"', () => text));
    // What is no JSON at all is refused as a text, before there is a place in it to name.
    const wanted = isJson
      ? refused.map(({ code, path }) => ({ code, path: `/rule/if/0${path}` }))
      : [{ code: notJson[refused[0]?.code ?? ''], path: '' }];
    expect(problems).toEqual(wanted);
  });
});

const notJson: Readonly<Record<string, string>> = {
  filter_not_json: 'rule_not_json',
  duplicate_key: 'duplicate_key',
};

function problemsOf(text: string): { code: string; path: string }[] {
  try {
    parseRuleText(text, options);
    return [];
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return error.problems.map(({ code, path }) => ({ code, path }));
  }
}
