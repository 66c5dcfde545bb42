import jsonLogic from 'json-logic-js';
import { describe, expect, it } from 'vitest';
import { compileRule, evaluateRule } from '../../src/audience/rules/evaluate.js';
import { linesOf } from '../../src/audience/rules/words.js';
import { parseRule } from '../../src/audience/rules/parse.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import { withTraits } from '../filter/records.js';
import { document, ruleOf } from './rule.js';

const moment = momentOf('2026-06-18T12:00:00Z');
const young = { '<': [{ var: 'days_since_signup' }, 5] };
const owner = { '==': [{ var: 'custom:role' }, 'owner'] };

const valueOf = (parts: Readonly<Record<string, unknown>>, facts: UserRecord = {}): unknown =>
  evaluateRule(ruleOf(parts), facts, moment).value;

const days = (count: number): UserRecord => ({
  created_at: new Date(moment.now - count * 86_400_000),
  custom_fields: { role: 'owner' },
});

const shows = (condition: unknown, json: string): boolean =>
  valueOf({ rule: { if: [condition, 'show', 'hide'] } }, withTraits(json)) === 'show';

const has = (field: string, json: string): unknown =>
  valueOf({ rule: { if: [{ exists: { var: field } }, 'show', 'hide'] } }, withTraits(json));

const sentenceOf = (rule: unknown, facts: UserRecord): string =>
  evaluateRule(ruleOf({ rule }), facts, moment).sentence;

describe('what is returned', () => {
  const rule = {
    if: [owner, { if: [young, 'new', { '>': [{ var: 'days_since_signup' }, 90] }, 'old'] }, 'hide'],
  };
  const parts = { outcomes: ['new', 'old', 'hide', 'none'], default: 'none', rule };

  it('the value of the first branch whose condition holds, or of the rest, or the default', () => {
    expect(valueOf(parts, days(1))).toBe('new');
    expect(valueOf(parts, days(100))).toBe('old');
    expect(valueOf(parts, days(50))).toBe('none');
    expect(valueOf(parts, {})).toBe('hide');
    expect(valueOf({ rule: 'show' })).toBe('show');
  });

  it('values that JSON Logic takes for false are values like any other', () => {
    for (const value of [false, 0, '0', 'false', 'null']) {
      const falsy = { outcomes: [value, 'hide'], rule: { if: [{ everyone: true }, value, 'hide'] } };
      expect(valueOf(falsy)).toBe(value);
      expect(valueOf({ ...falsy, rule: { if: [{ '!': { everyone: true } }, 'hide', value] } })).toBe(value);
    }
    expect(valueOf({ outcomes: [0, 'hide'], rule: -0 })).toBe(0);
  });
});

describe('a missing value', () => {
  it('is less than nothing, more than nothing, equal to nothing and different from nothing', () => {
    for (const operator of ['<', '<=', '>', '>=', '==', '!=']) {
      for (const field of ['days_since_signup', 'custom:seats', 'company.days_since_signup']) {
        const rule = { if: [{ [operator]: [{ var: field }, 5] }, 'show', 'hide'] };
        expect([operator, field, valueOf({ rule })]).toEqual([operator, field, 'hide']);
      }
    }
    // The package itself says otherwise of the same document.
    expect(jsonLogic.apply({ '<': [{ var: 'custom:seats' }, 5] }, {})).toBe(true);
  });

  it('days_since_signup falls back to created_at, and the explanation says so in words', () => {
    const created = { created_at: '2026-06-16T12:00:00Z' };
    const rule = ruleOf({ rule: { if: [young, 'show', 'hide'] } });
    expect(evaluateRule(rule, created, moment)).toMatchObject({
      value: 'show',
      fallbacks: [
        {
          field: 'days_since_signup',
          missing: 'signed_up_at',
          used: 'created_at',
          sentence: 'days_since_signup is counted from created_at, because signed_up_at is missing',
        },
      ],
    });
    const signed = { ...created, signed_up_at: '2025-01-01' };
    expect(evaluateRule(rule, signed, moment)).toMatchObject({ value: 'hide', fallbacks: [] });
    expect(evaluateRule(rule, {}, moment)).toMatchObject({ value: 'hide', fallbacks: [] });
    const company = ruleOf({ rule: { if: [{ '<': [{ var: 'company.days_since_signup' }, 5] }, 'show'] } });
    expect(evaluateRule(company, { company: created }, moment)).toMatchObject({
      value: 'show',
      fallbacks: [{ field: 'company.days_since_signup', used: 'company.created_at' }],
    });
  });
});

describe('types', () => {
  it('nothing is turned into another type to make it fit', () => {
    const role = { var: 'custom:role' };
    expect(shows({ '==': [role, 1] }, '{"role": "1"}')).toBe(false);
    expect(shows({ '==': [role, 0] }, '{"role": ""}')).toBe(false);
    expect(shows({ '==': [role, false] }, '{"role": 0}')).toBe(false);
    expect(shows({ '<': [role, 5] }, '{"role": "4"}')).toBe(false);
    expect(shows({ '<': [role, 5] }, '{"role": []}')).toBe(false);
    expect(shows({ exists: role }, '{"role": ""}')).toBe(true);
    expect(shows({ in: ['dmi', role] }, '{"role": ["admin"]}')).toBe(false);
  });

  it('a dot is a part of the key, and nothing inherited is a value', () => {
    expect(has('custom:a.b', '{"a": {"b": 1}}')).toBe('hide');
    expect(has('custom:a.b', '{"a.b": 1}')).toBe('show');
    for (const key of ['__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty']) {
      expect([key, has(`custom:${key}`, '{}')]).toEqual([key, 'hide']);
      expect([key, has(`custom:${key}`, `{"${key}": 1}`)]).toEqual([key, 'show']);
    }
  });
});

describe('the explanation', () => {
  const parts = {
    outcomes: ['new', 'old', 'hide'],
    default: 'hide',
    rule: { if: [{ missing: { var: 'email' } }, 'hide', owner, { if: [young, 'new'] }, 'old'] },
  };

  it('tells the conditions that were asked, in their order, with the place of each and of the value', () => {
    const facts = { email: 'a@example.com', created_at: '2026-06-17', custom_fields: { role: 'owner' } };
    const evaluation = evaluateRule(ruleOf(parts), facts, moment);
    expect(evaluation).toMatchObject({
      key: 'test',
      version: 1,
      value: 'new',
      sentence: '"new", because role is "owner"; and days since signup is less than 5',
      branch: { path: '/rule/if/3/if/1', is_default: false },
    });
    expect(evaluation.conditions).toMatchObject([
      { path: '/rule/if/0', sentence: 'email is not set', verdict: false },
      {
        path: '/rule/if/2',
        sentence: 'role is "owner"',
        verdict: true,
        clauses: [{ path: '/rule/if/2', reason: 'matched', seen: 'owner', wanted: 'owner' }],
      },
      {
        path: '/rule/if/3/if/0',
        verdict: true,
        clauses: [{ path: '/rule/if/3/if/0', reason: 'matched', seen: 1, wanted: 5 }],
      },
    ]);
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });

  it('says why nothing held, and what is always so', () => {
    const condition = { if: [owner, 'show', young, 'show'] };
    expect(sentenceOf(condition, {})).toBe('"hide", the default, because none of 2 conditions holds');
    expect(sentenceOf({ if: [owner, 'show'] }, {})).toBe(
      '"hide", the default, because the condition does not hold',
    );
    expect(sentenceOf('show', {})).toBe('"show", always');
    const facts = { custom_fields: { role: 'owner' } };
    expect(sentenceOf({ if: [owner, { if: [young, 'show', 'hide'] }] }, facts)).toBe(
      '"hide", because role is "owner"; and nothing after it holds',
    );
  });

  it('the whole rule can be read branch by branch', () => {
    expect(linesOf(ruleOf(parts))).toEqual([
      { depth: 0, condition: 'email is not set', outcome: '"hide"' },
      { depth: 0, condition: 'role is "owner"', outcome: null },
      { depth: 1, condition: 'days since signup is less than 5', outcome: '"new"' },
      { depth: 1, condition: null, outcome: '"hide", the default' },
      { depth: 0, condition: null, outcome: '"old"' },
    ]);
  });
});

// Last, because the table of the package does not come back in this file.
describe('the package underneath', () => {
  const rule = ruleOf({ rule: { if: [owner, 'show', 'hide'] } });
  const facts = { custom_fields: { role: 'owner' } };
  const names = ['if', '==', '!', 'and', 'or', 'var', 'muster:holds'] as const;

  it('whatever others do to its table of operations, a rule means what it meant', () => {
    for (const name of names) {
      jsonLogic.add_operation(name, () => 'taken over');
      expect([name, evaluateRule(rule, facts, moment).value]).toEqual([name, 'show']);
      expect([name, evaluateRule(rule, {}, moment).value]).toEqual([name, 'hide']);
      jsonLogic.rm_operation(name);
      expect([name, evaluateRule(rule, {}, moment).value]).toEqual([name, 'hide']);
    }
  });

  it('nothing of a rule stays in the table', () => {
    evaluateRule(rule, facts, moment);
    expect(() => void jsonLogic.apply({ 'muster:holds': [0] }, {})).toThrow('Unrecognized operation');
    expect(() => parseRule(document({ rule: { 'muster:holds': [0] } }))).toThrow('unknown operator');
  });

  it('two rules that are compiled side by side do not meet', () => {
    const one = compileRule(rule, moment);
    const other = compileRule(ruleOf({ rule: { if: [{ '!': owner }, 'show', 'hide'] } }), moment);
    expect([one(facts).value, other(facts).value, one({}).value, other({}).value]).toEqual([
      'show',
      'hide',
      'hide',
      'show',
    ]);
  });
});
