import { describe, expect, it } from 'vitest';
import { filterErrors } from '../../src/errors/filter.js';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';

const role = { var: 'custom:role' };

function nested(levels: number): unknown {
  let filter: unknown = { exists: role };
  for (let level = 1; level < levels; level += 1) filter = { '!': filter };
  return filter;
}

const parse = (input: unknown) => () => parseFilter(input);
const withSegments = (input: unknown, saved: Record<string, unknown>) => () =>
  parseFilter(input, { segments: new Map(Object.entries(saved)) });
/** So many segments, each inside the one before. */
const chain = (count: number): Record<string, unknown> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `s${at}`,
      at + 1 === count ? { exists: role } : { segment: `s${at + 1}` },
    ]),
  );
/** Each holds the one before ten times. */
const doubling: Record<string, unknown> = Object.fromEntries(
  [0, 1, 2, 3, 4].map((level) => [
    `d${level}`,
    level === 0 ? { exists: role } : { or: Array.from({ length: 10 }, () => ({ segment: `d${level - 1}` })) },
  ]),
);

/** Each code with an input that meets it: path, message, hint. */
const cases: Readonly<Record<keyof typeof filterErrors, readonly [() => unknown, string, string, string]>> = {
  filter_not_json: [
    () => parseFilterText('{"and": [\n  {"==" 1}]}'),
    '',
    'the filter is not valid JSON: expected `:`, but got `1` at line 2, column 9 (offset 18)',
    'check quotes, commas and brackets near the position named',
  ],
  duplicate_key: [
    () => parseFilterText('{"exists": {"var": "email"}, "exists": {"var": "name"}}'),
    '',
    'the key `exists` stands twice in one object, the second time at line 1, column 30 (offset 29)',
    'put each condition into an object of its own; JSON would silently drop the first',
  ],
  filter_not_object: [
    parse('admin'),
    '',
    'expected a filter, an object with one operator, but got the text `admin`',
    'write a condition such as {"==": [{"var": "custom:role"}, "admin"]}',
  ],
  empty_filter: [
    parse({ and: [{}] }),
    '/and/0',
    'an empty filter does not say who it means',
    'write {"everyone": true} for the whole audience',
  ],
  several_operators: [
    parse({ exists: role, missing: role }),
    '',
    'one object holds 2 operators: `exists`, `missing`',
    'put each condition into an object of its own, inside "and" or "or"',
  ],
  unknown_operator: [
    parse({ frobnicate: [role, '.*'] }),
    '/frobnicate',
    'unknown operator `frobnicate`',
    'the operators are listed in docs/filter.md',
  ],
  unknown_segment: [
    withSegments({ segment: 'powre' }, { admins: { exists: role }, powers: { exists: role } }),
    '/segment',
    'there is no segment `powre`',
    'did you mean `powers`?',
  ],
  no_segments_here: [
    parse({ segment: 'power-users' }),
    '/segment',
    'the segment `power-users` cannot be looked up: no saved segments were given here',
    'ask where the workspace is at hand, or give `segments`, the saved filters by key',
  ],
  segment_cycle: [
    withSegments({ '!': { segment: 'a' } }, { a: { segment: 'b' }, b: { or: [{ segment: 'a' }] } }),
    '/!/segment',
    'a segment cannot be inside itself: `a` → `b` → `a`',
    'take one of these references out',
  ],
  segments_too_deep: [
    withSegments({ segment: 's0' }, chain(9)),
    '/segment',
    'segments are inside segments for more than 8 levels',
    'write the conditions of the innermost ones out',
  ],
  segments_too_large: [
    withSegments({ segment: 'd4' }, doubling),
    '/segment',
    'the segments in this filter bring in more than 2000 nodes',
    'name fewer segments, or smaller ones; each counts as often as it stands there',
  ],
  wrong_arity: [
    parse({ '==': [role] }),
    '/==',
    '`==` takes a list of a field and a value, but got a list of 1 item',
    'write {"==": [{"var": "custom:role"}, "admin"]}',
  ],
  empty_list: [
    parse({ in: [role, []] }),
    '/in/1',
    '`in` has an empty list',
    'list at least one item; an empty list would silently match nobody or everybody',
  ],
  unknown_key: [
    parse({ exists: role, comment: 'x' }),
    '/comment',
    'unknown key `comment` beside `exists`',
    'remove it; a key that is not understood could widen the audience',
  ],
  missing_key: [
    parse({ did: { count: ['>=', 1] } }),
    '/did',
    '`did` needs the key `event`',
    'write {"did": {"event": "trial_started", "count": [">=", 3], "within": [14, "days"]}}',
  ],
  not_in_where: [
    parse({ did: { event: 'x', where: { percent: ['a', 0, 1] } } }),
    '/did/where/percent',
    '`percent` cannot stand inside `where`',
    '"where" asks about one event; put this condition beside "did", inside "and"',
  ],
  bad_count: [
    parse({ did: { event: 'x', count: 3 } }),
    '/did/count',
    '`count` takes an operator and a whole number, but got the number 3',
    'write "count": [">=", 3], or ["==", 0] for "never"',
  ],
  var_expected: [
    parse({ '<': [5, { var: 'custom:seats' }] }),
    '/</0',
    '`<` needs a field first, but got the number 5',
    'swap the sides: write {">": [{"var": "custom:seats"}, 5]}',
  ],
  unknown_field: [
    parse({ exists: { var: 'role' } }),
    '/exists/var',
    'unknown field `role`',
    'traits of your own are written `custom:role`',
  ],
  page_only: [
    parse({ matches: [role, 'a*'] }),
    '/matches',
    '`matches` is asked only in rules that decide about a page',
    'filters and other rules are about people: leave it out, or decide a tooltip, banner, checklist or tour',
  ],
  bad_pointer: [
    parse({ exists: { var: 'custom:/a~2b' } }),
    '/exists/var',
    '`custom:/a~2b` is not a valid JSON Pointer: `~` must be followed by 0 or 1',
    'write `~0` for `~` and `~1` for `/`, as RFC 6901 has it',
  ],
  null_literal: [
    parse({ '<': [{ var: 'custom:plan' }, null] }),
    '/</1',
    '`<` cannot compare with null',
    'write {"missing": {"var": "custom:plan"}} for people without a value',
  ],
  literal_expected: [
    parse({ '==': [role, { a: 1 }] }),
    '/==/1',
    '`==` needs a literal, but got an object with the key `a`',
    'objects and lists are not literals; write a text, a number, true, false or a time',
  ],
  literal_type: [
    parse({ '>': [{ var: 'signed_up_at' }, 1700000000] }),
    '/>/1',
    '`signed_up_at` holds times, so it cannot be compared with the number 1700000000',
    'write a time such as "2026-01-31" or {"ago": [30, "days"]}',
  ],
  mixed_bounds: [
    parse({ between: [role, 1, 'z'] }),
    '/between',
    '`between` has a number as its low end and a text as its high end',
    'write both ends in one type',
  ],
  operator_type: [
    parse({ '<': [{ var: 'custom:active' }, true] }),
    '/</1',
    '`<` does not work on true and false',
    'write {"==": [{"var": "custom:active"}, true]}',
  ],
  bad_time: [
    parse({ '>': [{ var: 'signed_up_at' }, '2025-02-30'] }),
    '/>/1',
    '`2025-02-30` is not an ISO 8601 time',
    'write a real date such as `2026-01-31`, `2026-01-31T09:30:00Z`, or a time such as {"ago": [30, "days"]}',
  ],
  bad_relative_time: [
    parse({ '>': [{ var: 'signed_up_at' }, { ago: [30, 'day'] }] }),
    '/>/1/ago/1',
    '`ago` takes one of the units minutes, hours, days, weeks, months, but got the text `day`',
    'did you mean `days`?',
  ],
  bad_number: [
    () => parseFilterText('{"==": [{"var": "custom:n"}, 1e400]}'),
    '/==/1',
    'the number Infinity cannot be held exactly',
    'use a finite number; whole numbers go up to 9007199254740991',
  ],
  bad_text: [
    parse({ '==': [role, 'a\u0000b'] }),
    '/==/1',
    'the text holds the character NUL (U+0000), which no stored text can hold',
    'remove that character',
  ],
  bad_percent: [
    parse({ percent: ['a', 10, 10] }),
    '/percent',
    '`percent` takes a text and two numbers from 0 to 100, low below high, but got 10 as low and 10 as high',
    'write {"percent": ["pricing-test", 0, 10]} for the first tenth',
  ],
  too_deep: [
    parse(nested(33)),
    '/!'.repeat(32),
    'the filter is nested deeper than 32 levels',
    'flatten it; "and" inside "and" can be one list',
  ],
  too_many_nodes: [
    parse({ or: Array.from({ length: 500 }, () => ({ exists: role })) }),
    '/or/499',
    'the filter has more than 500 nodes, counting conditions, "and", "or" and "!"',
    'use "in" with a list in place of many "==" conditions',
  ],
  too_many_items: [
    parse({ in: [role, Array.from({ length: 1000 }, () => ({ at: '2026-01-01' }))] }),
    '/in/1/950',
    'the lists and times of this filter count more than 20000 items in all; a time counts 20',
    'import the people with a trait of their own and filter on that; segments count as often as each stands there',
  ],
  list_too_long: [
    parse({ in: [role, Array.from({ length: 10_001 }, () => 'x')] }),
    '/in/1',
    'the list has 10001 items, the limit is 10000',
    'import the people with a trait of their own and filter on that',
  ],
  text_too_long: [
    parse({ '==': [role, 'x'.repeat(1025)] }),
    '/==/1',
    'the text has 1025 bytes, the limit is 1024',
    'shorten it',
  ],
  bad_zone: [
    () => momentOf(0, 'Mars/Base'),
    '',
    '`Mars/Base` is not a time zone',
    'write an IANA zone such as `Europe/Berlin`, or an offset such as `UTC+2`',
  ],
  bad_now: [
    () => momentOf('yesterday'),
    '',
    '`yesterday` is not an instant',
    'write an ISO 8601 time such as `2026-01-31T09:30:00Z`',
  ],
};

describe('every refusal of the filter language', () => {
  it.each(Object.entries(cases))('%s is reachable, and says where, what and what to do', (code, expected) => {
    const [run, path, message, hint] = expected;
    expect(problemsOf(run)).toEqual([{ code, path, message, hint }]);
  });

  it('leaves no place of a template unfilled', () => {
    for (const [run] of Object.values(cases)) {
      for (const { message, hint } of problemsOf(run)) expect(message + hint).not.toMatch(/\{\w+\}/);
    }
  });

  it('writes messages in lower case without a full stop', () => {
    for (const { message, hint } of Object.values(filterErrors)) {
      expect(message).toMatch(/^[^A-Z].*[^.]$/);
      expect(hint).toMatch(/^[^A-Z].*[^.]$/);
    }
  });
});

function problemsOf(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return [];
}
