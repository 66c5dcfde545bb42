import { between } from './between.js';
import { compare, everyone, has, oneOf, presence, text } from './comparisons.js';
import type { OperandParser } from './operands.js';
import { group, not } from './groups.js';
import { did } from './did.js';
import { percent } from './percent.js';
import { segment } from './segment.js';

/** One operator of the language: what it takes in words, an example that parses, and how its operands are read. */
export interface OperatorEntry {
  readonly expected: string;
  readonly example: string;
  readonly parse: OperandParser;
  /** Whether it may stand inside the `where` of `did`; what asks about a person may not. */
  readonly ofProperties: boolean;
}

function entry(expected: string, example: string, parse: OperandParser, ofProperties = true): OperatorEntry {
  return { expected, example, parse, ofProperties };
}

const pair = 'a list of a field and a value';

/** Every operator. A Map has no inherited names, so `constructor` and `__proto__` are unknown like any other word. */
export const operators: ReadonlyMap<string, OperatorEntry> = new Map([
  ['==', entry(pair, '{"==": [{"var": "custom:role"}, "admin"]}', compare('=='))],
  ['!=', entry(pair, '{"!=": [{"var": "custom:role"}, "admin"]}', compare('!='))],
  ['<', entry(pair, '{"<": [{"var": "custom:seats"}, 5]}', compare('<'))],
  ['<=', entry(pair, '{"<=": [{"var": "signed_up_at"}, {"ago": [30, "days"]}]}', compare('<='))],
  ['>', entry(pair, '{">": [{"var": "days_since_signup"}, 14]}', compare('>'))],
  ['>=', entry(pair, '{">=": [{"var": "signed_up_at"}, {"start_of": ["month"]}]}', compare('>='))],
  [
    'in',
    entry(
      'a list of a field and a list of values',
      '{"in": [{"var": "custom:role"}, ["admin", "owner"]]}',
      oneOf,
    ),
  ],
  [
    'contains',
    entry('a list of a field and a text', '{"contains": [{"var": "name"}, "Ltd"]}', text('contains')),
  ],
  [
    'starts_with',
    entry('a list of a field and a text', '{"starts_with": [{"var": "name"}, "Dr"]}', text('starts_with')),
  ],
  [
    'ends_with',
    entry(
      'a list of a field and a text',
      '{"ends_with": [{"lower": {"var": "email"}}, "@example.com"]}',
      text('ends_with'),
    ),
  ],
  [
    'has',
    entry(
      'a list of a field and an item',
      '{"has": [{"var": "custom:features"}, "beta_dashboard"]}',
      has('has'),
    ),
  ],
  [
    'has_any',
    entry(
      'a list of a field and a list of items',
      '{"has_any": [{"var": "custom:features"}, ["beta_dashboard", "new_analytics"]]}',
      has('has_any'),
    ),
  ],
  [
    'has_all',
    entry(
      'a list of a field and a list of items',
      '{"has_all": [{"var": "custom:features"}, ["beta_dashboard", "new_analytics"]]}',
      has('has_all'),
    ),
  ],
  [
    'between',
    entry(
      'a list of a field, a low end and a high end',
      '{"between": [{"var": "signed_up_at"}, {"ago": [30, "days"]}, {"ago": [0, "days"]}]}',
      between,
    ),
  ],
  ['exists', entry('one field', '{"exists": {"var": "last_contacted_at"}}', presence('exists'))],
  ['missing', entry('one field', '{"missing": {"var": "last_contacted_at"}}', presence('missing'))],
  ['percent', entry('a text and two numbers', '{"percent": ["pricing-test", 0, 10]}', percent, false)],
  [
    'and',
    entry(
      'a list of conditions',
      '{"and": [{"==": [{"var": "custom:role"}, "admin"]}, {"exists": {"var": "email"}}]}',
      group('and'),
    ),
  ],
  [
    'or',
    entry(
      'a list of conditions',
      '{"or": [{"==": [{"var": "custom:role"}, "admin"]}, {"exists": {"var": "email"}}]}',
      group('or'),
    ),
  ],
  ['!', entry('one condition', '{"!": {"==": [{"var": "custom:role"}, "admin"]}}', not)],
  ['everyone', entry('true', '{"everyone": true}', everyone)],
  [
    'did',
    entry(
      'an object with the key `event`',
      '{"did": {"event": "trial_started", "count": [">=", 3], "within": [14, "days"]}}',
      did,
      false,
    ),
  ],
  ['segment', entry("a segment's key", '{"segment": "power-users"}', segment, false)],
]);

/** How react-querybuilder writes operators of ours. They are read, and printed in our form. */
export const aliases: ReadonlyMap<string, string> = new Map([
  ['startsWith', 'starts_with'],
  ['endsWith', 'ends_with'],
]);

/** What only a decision rule about a page can ask; in filters it is refused by name. */
export const ofPages: ReadonlyMap<string, OperatorEntry> = new Map([
  [
    'matches',
    entry(
      'a list of a field and a pattern',
      '{"matches": [{"var": "page:path"}, "/projects/*/settings"]}',
      text('matches'),
      false,
    ),
  ],
]);
