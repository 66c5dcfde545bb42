import { describe, expect, it } from 'vitest';
import { factsOf } from '../../src/audience/rules/facts.js';
import { loadRule } from '../../src/audience/rules/examples.js';
import { pageOf } from '../../src/audience/rules/page.js';
import { parseRule, parseRuleText } from '../../src/audience/rules/parse.js';
import { MusterError } from '../../src/errors/index.js';
import { rulesErrors } from '../../src/errors/rules.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { document, ruleOf } from './rule.js';

const owner = { '==': [{ var: 'custom:role' }, 'owner'] };

function problemsOf(run: () => unknown): readonly MusterError['first'][] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return error.problems;
  }
}

const found = (parts: Readonly<Record<string, unknown>>): string[] =>
  problemsOf(() => ruleOf(parts)).map(({ code, path }) => `${code} ${path}`);

type OfStore =
  'rule_not_found' | 'rule_not_own' | 'rule_version_conflict' | 'rule_key_differs' | 'rule_asks_whom';

/** Each code with an input that meets it: path, message, hint. Those of stored rules are met in test/server/rules.test.ts. */
const cases: Readonly<
  Record<Exclude<keyof typeof rulesErrors, OfStore>, readonly [() => unknown, string, string, string]>
> = {
  rule_not_json: [
    () => parseRuleText('{"key" 1}'),
    '',
    'the rule is not valid JSON: expected `:`, but got `1` at line 1, column 8 (offset 7)',
    'check quotes, commas and brackets near the position named',
  ],
  rule_unreadable: [
    () => loadRule('/no/such.json'),
    '',
    'cannot read the rule `/no/such.json`: ENOENT',
    'name a readable JSON file, such as rules/slack/mode.json',
  ],
  rule_expected: [
    () => ruleOf({ default: null }),
    '/default',
    'expected an outcome (a text, a number, true or false), `if` or a condition, but got null',
    'write "show"',
  ],
  rule_unknown_key: [
    () => ruleOf({ defualt: 'hide' }),
    '/defualt',
    'unknown key `defualt`',
    'did you mean `default`?',
  ],
  rule_missing_key: [
    () => parseRule(Object.fromEntries(Object.entries(document()).filter(([key]) => key !== 'title'))),
    '/title',
    'the key `title` is missing',
    'write "title": "First steps for new owners"',
  ],
  rule_bad_key: [
    () => ruleOf({ key: 'New Owners' }),
    '/key',
    '`New Owners` cannot be a key',
    'use 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit',
  ],
  rule_bad_text: [
    () => ruleOf({ title: ' ' }),
    '/title',
    'the text is empty',
    'write 1 to 200 bytes of text without NUL or lone surrogates',
  ],
  rule_too_large: [
    () =>
      ruleOf({
        rule: { if: [{ in: [{ var: 'user_id' }, Array<string>(9000).fill('x'.repeat(50))] }, 'show'] },
      }),
    '',
    'the rule has 477156 bytes as JSON, the limit is 100000',
    'make two rules of it, or keep long lists as a trait',
  ],
  unknown_decision: [
    () => ruleOf({ decides: 'baner' }),
    '/decides',
    'a rule cannot decide `baner`',
    'did you mean `banner`?',
  ],
  rule_unknown_outcome: [
    () => ruleOf({ rule: { if: [owner, 'shwo'] } }),
    '/rule/if/1',
    '`shwo` is not among the outcomes',
    'did you mean `show`?',
  ],
  rule_duplicate: [
    () => ruleOf({ outcomes: ['show', 'hide', 'show'] }),
    '/outcomes/2',
    '`show` stands twice',
    'remove one of the two',
  ],
  rule_needs_hide: [
    () => ruleOf({ outcomes: ['show'], default: 'show' }),
    '/outcomes',
    'a banner needs the outcome `hide`, for whoever is not to see it',
    'add "hide" to `outcomes`; every other outcome shows, as that variant',
  ],
  rule_no_items: [
    () => ruleOf({ items: [{ key: 'a', title: 'A', done: owner }] }),
    '/items',
    'only a checklist has `items`, but this decides `banner`',
    'remove them',
  ],
  unknown_fact: [
    () => factsOf({ custom_field: {} }),
    '/custom_field',
    'unknown fact `custom_field`',
    'did you mean `custom_fields`?',
  ],
  bad_fact: [
    () => factsOf({ signed_up_at: 'yesterday' }),
    '/signed_up_at',
    '`signed_up_at` takes an ISO 8601 time, but got the text `yesterday`',
    'write facts as a person is stored: {"signed_up_at": "2026-01-31", "custom_fields": {"role": "owner"}}',
  ],
  bad_page_url: [
    () => pageOf({ url: 'javascript:alert(1)' }),
    '/url',
    '`javascript:alert(1)` is not the address of a page',
    'send the whole address with http or https, such as `location.href`, up to 4096 bytes',
  ],
};

describe('every refusal', () => {
  it.each(Object.entries(cases))('%s says where, what and what to do', (code, [run, path, message, hint]) => {
    expect(problemsOf(run)).toEqual([{ code, path, message, hint }]);
  });
});

describe('a document', () => {
  it('is refused whole, with every problem at its place', () => {
    expect(
      found({
        key: 7,
        version: 0,
        outcomes: ['show', null],
        rule: {
          if: [
            { '==': [{ var: 'roel' }, 1] },
            'show',
            { if: [owner, 'a', 'b'] },
            { if: [owner] },
            { unless: [owner] },
            { if: [owner, 'show'], else: 'hide' },
            [],
          ],
        },
      }),
    ).toEqual([
      'rule_expected /key',
      'rule_expected /version',
      'rule_expected /outcomes/1',
      'unknown_field /rule/if/0/==/0/var',
      'unknown_operator /rule/if/2/if',
      'wrong_arity /rule/if/3/if',
      'unknown_operator /rule/if/4/unless',
      'unknown_key /rule/if/5/else',
      'rule_expected /rule/if/6',
    ]);
  });

  it('that is none is refused, whatever it is', () => {
    for (const input of [null, 'x', 1, [], [[]], undefined, () => 1]) {
      expect(problemsOf(() => parseRule(input)).length).toBeGreaterThan(0);
    }
    expect(() => parseRuleText('{"__proto__": {"key": "x"}}')).toThrow('unknown key `__proto__`');
    const inherits: unknown = Object.create(document());
    expect(problemsOf(() => parseRule(inherits)).map(({ code }) => code)).toContain('rule_missing_key');
  });

  it('a condition in the place of a value needs true and false among the outcomes', () => {
    expect(found({ rule: owner })).toEqual(['rule_unknown_outcome /rule', 'rule_unknown_outcome /rule']);
    expect(found({ outcomes: [true, false, 'hide'], default: false, rule: owner })).toEqual([]);
  });

  it('outcomes are told apart by type', () => {
    expect(found({ outcomes: [1, '1', true, 'hide'], rule: { if: [owner, '1', 1] } })).toEqual([]);
    expect(found({ outcomes: ['1', 'hide'], rule: 1 })).toEqual(['rule_unknown_outcome /rule']);
  });

  it('items are a checklist’s, each key once, and are about the person alone', () => {
    const item = { key: 'a', title: 'A', done: { exists: { var: 'page:path' } } };
    expect(
      found({
        decides: 'checklist',
        items: [
          { ...item, done: owner },
          { ...item, done: owner },
        ],
      }),
    ).toEqual(['rule_duplicate /items/1/key']);
    expect(found({ decides: 'checklist', items: [item, {}, 'b'] })).toEqual([
      'page_only /items/0/done/exists/var',
      'rule_missing_key /items/1/key',
      'rule_missing_key /items/1/title',
      'rule_missing_key /items/1/done',
      'rule_expected /items/2',
    ]);
  });
});

const branches = (count: number): unknown => ({
  if: Array.from({ length: count }, () => [owner, 'show']).flat(),
});

const asks = (condition: unknown): string[] => found({ rule: { if: [condition, 'show'] } });

describe('limits', () => {
  it('`if` may stand in `if` as deep as a filter, and no deeper', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 'show' : { if: [owner, nested(levels - 1)] });
    expect(found({ rule: nested(32) })).toEqual([]);
    expect(found({ rule: nested(33) })).toEqual([`too_deep /rule${'/if/1'.repeat(32)}`]);
    // Far beyond, nothing is even looked at.
    let deep: unknown = 'show';
    for (let level = 0; level < 20_000; level += 1) deep = { if: [owner, deep] };
    expect(found({ rule: deep })).toHaveLength(1);
  });

  it('all conditions of a rule together have the nodes of one filter', () => {
    expect(found({ rule: branches(500) })).toEqual([]);
    expect(found({ rule: branches(501) })).toEqual(['too_many_nodes /rule/if/1000']);
    expect(found({ rule: { if: Array<number>(1_000_000).fill(0) } })).toHaveLength(100);
  });
});

describe('a page', () => {
  const onPage = { '==': [{ var: 'page:path' }, '/pricing'] };
  const pattern = { matches: [{ lower: { var: 'page:url' } }, 'https://**/pricing'] };

  it('is asked about in what a page shows and in values, not in a Slack mode or inside `where`', () => {
    for (const decides of ['checklist', 'tour', 'tooltip', 'banner', 'value']) {
      expect(found({ decides, rule: { if: [onPage, 'show', pattern, 'show'] } })).toEqual([]);
    }
    expect(found({ decides: 'slack_mode', rule: { if: [onPage, 'show', pattern, 'show'] } })).toEqual([
      'page_only /rule/if/0/==/0/var',
      'page_only /rule/if/2/matches',
    ]);
    const where = { matches: [{ var: 'property:path' }, '*'] };
    expect(found({ rule: { if: [{ did: { event: 'x', where } }, 'show'] } })).toEqual([
      'not_in_where /rule/if/0/did/where/matches',
    ]);
  });

  it('holds texts: what no text can be equal to, and facts that there are not, are refused', () => {
    expect(asks({ '==': [{ var: 'page:path' }, 5] })).toEqual(['literal_type /rule/if/0/==/1']);
    expect(asks({ '==': [{ var: 'page:title' }, 'x'] })).toEqual(['unknown_field /rule/if/0/==/0/var']);
    expect(asks({ matches: [{ var: 'signed_up_at' }, '*'] })).toEqual(['operator_type /rule/if/0/matches/0']);
  });

  it('is never read as SQL, where no row has one', () => {
    const moment = momentOf(0);
    const rule = ruleOf({
      rule: { if: [onPage, 'show', pattern, 'show', { exists: { var: 'page:url' } }, 'show'] },
    });
    if (rule.expression.kind !== 'if') throw new Error('the rule is an `if`');
    for (const { condition } of rule.expression.branches)
      expect(() => compileSql(condition, { moment })).toThrow(
        'is asked only in rules that decide about a page',
      );
  });

  it('is its address and its parts as browsers write them, and the first language asked for', () => {
    expect(pageOf({ url: 'HTTPS://App.Example:443/a b?x=1#top', language: 'de-AT,de;q=0.9' })).toEqual({
      url: 'https://app.example/a%20b?x=1#top',
      host: 'app.example',
      path: '/a%20b',
      query: 'x=1',
      hash: 'top',
      language: 'de-AT',
    });
    expect(pageOf({ url: 'http://x', language: '*' }).language).toBeNull();
    for (const url of [
      '',
      '/pricing',
      'file:///etc/passwd',
      `https://x/${'a'.repeat(4096)}`,
      'https://\ud800',
    ])
      expect(problemsOf(() => pageOf({ url })).map(({ code }) => code)).toEqual(['bad_page_url']);
  });
});

it('facts are checked like a row: types, times, companies and events', () => {
  const facts = {
    user_id: 'u1',
    signed_up_at: null,
    on_contract: true,
    company: { company_id: 'c1', custom_fields: {} },
    events: [{ event: 'e', occurred_at: '2026-01-01' }],
  };
  expect(factsOf(facts)).toBe(facts);
  const wrong = {
    company: { email: 'x' },
    events: [{ event: 'e' }, 1],
    custom_fields: [],
    on_contract: 'yes',
    role: 'owner',
  };
  expect(problemsOf(() => factsOf(wrong)).map(({ code, path }) => `${code} ${path}`)).toEqual([
    'unknown_fact /company/email',
    'bad_fact /events/0',
    'bad_fact /events/1',
    'bad_fact /custom_fields',
    'bad_fact /on_contract',
    'unknown_fact /role',
  ]);
});
