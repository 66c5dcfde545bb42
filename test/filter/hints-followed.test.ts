import { expect, it } from 'vitest';
import { filterErrors } from '../../src/errors/filter.js';
import { MusterError } from '../../src/errors/index.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';

const role = { var: 'custom:role' };
const isSet = { exists: role };
const flat = (filter: unknown) => () => parseFilter(filter);
const text = (json: string) => () => parseFilterText(json);
const saved = (filter: unknown, segments: Record<string, unknown>) => () =>
  parseFilter(filter, { segments: new Map(Object.entries(segments)) });
const many = <T>(count: number, each: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => each(index));

function nested(levels: number): unknown {
  let filter: unknown = isSet;
  for (let level = 1; level < levels; level += 1) filter = { and: [filter, isSet] };
  return filter;
}

const chain = (count: number) =>
  Object.fromEntries(many(count, (at) => [`s${at}`, at + 1 === count ? isSet : { segment: `s${at + 1}` }]));
const wide = (count: number) => ({
  big: { or: many(400, () => isSet) },
  all: { or: many(count, () => ({ segment: 'big' })) },
});

/** Each code of the language: what meets it, and the same after its hint was followed. */
const followed: Readonly<
  Record<keyof typeof filterErrors, readonly [refused: () => unknown, followed: () => unknown]>
> = {
  filter_not_json: [text('{"exists": {"var": "email"'), text('{"exists": {"var": "email"}}')],
  duplicate_key: [
    text('{"exists": {"var": "email"}, "exists": {"var": "name"}}'),
    text('{"and": [{"exists": {"var": "email"}}, {"exists": {"var": "name"}}]}'),
  ],
  filter_not_object: [flat('admin'), flat({ '==': [role, 'admin'] })],
  empty_filter: [flat({}), flat({ everyone: true })],
  several_operators: [
    flat({ exists: role, missing: role }),
    flat({ or: [{ exists: role }, { missing: role }] }),
  ],
  unknown_operator: [flat({ gte: [role, 5] }), flat({ '>=': [role, 5] })],
  unknown_segment: [
    saved({ segment: 'powre' }, { powers: isSet }),
    saved({ segment: 'powers' }, { powers: isSet }),
  ],
  no_segments_here: [flat({ segment: 'powers' }), saved({ segment: 'powers' }, { powers: isSet })],
  segment_cycle: [
    saved({ segment: 'a' }, { a: { or: [isSet, { segment: 'a' }] } }),
    saved({ segment: 'a' }, { a: { or: [isSet] } }),
  ],
  segments_too_deep: [saved({ segment: 's0' }, chain(9)), saved({ segment: 's0' }, chain(8))],
  segments_too_large: [saved({ segment: 'all' }, wide(6)), saved({ segment: 'all' }, wide(3))],
  wrong_arity: [flat({ '==': [role] }), flat({ '==': [role, 'admin'] })],
  empty_list: [flat({ in: [role, []] }), flat({ in: [role, ['admin']] })],
  unknown_key: [flat({ exists: role, comment: 'x' }), flat({ exists: role })],
  missing_key: [flat({ did: { within: [3, 'days'] } }), flat({ did: { event: 'e', within: [3, 'days'] } })],
  not_in_where: [
    flat({ did: { event: 'e', where: { percent: ['s', 0, 10] } } }),
    flat({ and: [{ did: { event: 'e' } }, { percent: ['s', 0, 10] }] }),
  ],
  bad_count: [flat({ did: { event: 'e', count: 'never' } }), flat({ did: { event: 'e', count: ['==', 0] } })],
  var_expected: [flat({ '==': ['custom:role', 'admin'] }), flat({ '==': [{ var: 'custom:role' }, 'admin'] })],
  unknown_field: [flat({ exists: { var: 'role' } }), flat({ exists: { var: 'custom:role' } })],
  page_only: [flat({ and: [isSet, { '==': [{ var: 'page:path' }, '/'] }] }), flat(isSet)],
  bad_pointer: [flat({ exists: { var: 'custom:/a~b' } }), flat({ exists: { var: 'custom:/a~0b' } })],
  null_literal: [flat({ '<': [role, null] }), flat({ missing: role })],
  literal_expected: [flat({ '==': [role, { a: 1 }] }), flat({ '==': [role, 1] })],
  literal_type: [
    flat({ '==': [{ var: 'on_contract' }, 'true'] }),
    flat({ '==': [{ var: 'on_contract' }, true] }),
  ],
  mixed_bounds: [flat({ between: [role, 1, '5'] }), flat({ between: [role, 1, 5] })],
  operator_type: [
    flat({ '<': [{ var: 'on_contract' }, true] }),
    flat({ '==': [{ var: 'on_contract' }, true] }),
  ],
  bad_time: [
    flat({ '<': [{ var: 'signed_up_at' }, 'soon'] }),
    flat({ '<': [{ var: 'signed_up_at' }, '2026-01-31'] }),
  ],
  bad_relative_time: [
    flat({ '<': [{ var: 'signed_up_at' }, { ago: [30, 'dayz'] }] }),
    flat({ '<': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] }),
  ],
  bad_number: [flat({ '==': [role, 2 ** 53] }), flat({ '==': [role, 2 ** 53 - 1] })],
  bad_text: [flat({ '==': [role, 'a\u0000'] }), flat({ '==': [role, 'a'] })],
  bad_percent: [flat({ percent: ['s', 10, 0] }), flat({ percent: ['pricing-test', 0, 10] })],
  too_deep: [flat(nested(33)), flat({ and: many(33, () => isSet) })],
  too_many_nodes: [
    flat({ or: many(500, (index) => ({ '==': [role, index] })) }),
    flat({ in: [role, many(500, (index) => index)] }),
  ],
  too_many_items: [
    flat({ or: many(3, () => ({ in: [role, many(10_000, (index) => index)] })) }),
    flat({ exists: { var: 'custom:listed' } }),
  ],
  list_too_long: [
    flat({ in: [role, many(10_001, (index) => index)] }),
    flat({ exists: { var: 'custom:listed' } }),
  ],
  text_too_long: [flat({ '==': [role, 'a'.repeat(1025)] }), flat({ '==': [role, 'a'.repeat(1024)] })],
  bad_zone: [
    () => momentOf('2026-01-31T09:30:00Z', 'Mars/Base'),
    () => momentOf('2026-01-31T09:30:00Z', 'Europe/Berlin'),
  ],
  bad_now: [() => momentOf('soon', 'UTC'), () => momentOf('2026-01-31T09:30:00Z', 'UTC')],
};

function codesOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code }) => code);
    throw error;
  }
  return [];
}

it.each(Object.entries(followed))('the hint of %s, followed, ends the refusal', (code, [refused, after]) => {
  expect([codesOf(refused), codesOf(after)]).toEqual([[code], []]);
});
