import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dependenciesOf } from '../../src/filter/dependencies.js';
import { parseFilter } from '../../src/filter/parse.js';
import { indexFilters } from '../../src/filter/percolate.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';

const options = { segments: savedSegments };
const moment = momentOf('2026-03-01T12:00:00Z');
const ascending = (a: number, b: number): number => a - b;

describe('what a filter depends on', () => {
  it.each<[unknown, string[]]>([
    [{ '==': [{ var: 'custom:/a/b' }, 1] }, ['custom:a']],
    [{ exists: { var: 'custom:/~1x' } }, ['custom:/~1x']],
    [{ '>': [{ var: 'days_since_signup' }, 1] }, ['created_at', 'signed_up_at']],
    [{ exists: { var: 'company.custom:plan' } }, ['company.custom:plan', 'company_id']],
    [
      { '>': [{ var: 'company.days_since_signup' }, 1] },
      ['company.created_at', 'company.signed_up_at', 'company_id'],
    ],
    [{ did: { event: 'paid', where: { exists: { var: 'property:x' } } } }, ['event:paid']],
    [{ percent: ['s', 0, 5] }, ['anonymous_id', 'user_id']],
    [{ '!': { segment: 'one' } }, ['custom:role']],
    [{ everyone: true }, []],
  ])('%j: %j', (document, expected) => {
    const segments = new Map([['one', { exists: { var: 'custom:role' } }]]);
    expect(dependenciesOf(parseFilter(document, { segments }))).toEqual(expected);
  });
});

const role = { var: 'custom:role' };

/** By themselves, several in one filter as people write them, and beside a value that few have: enough ask for one of their own. */
const documentsArbitrary = fc
  .array(filterArbitrary, { minLength: 60, maxLength: 60 })
  .map((drawn) => [
    ...drawn,
    ...drawn.flatMap((one, at) => [
      { and: [one, drawn[(at * 7 + 1) % drawn.length], { '!': drawn[(at + 5) % drawn.length] }] },
      { and: [{ '==': [role, 'admin'] }, one] },
      { and: [{ in: [role, [`r${at}`, `s${at}`]] }, one] },
      { '!': { or: [one, { '!=': [{ var: 'custom:plan' }, 'a'] }, { missing: role }] } },
    ]),
    { and: [{ exists: role }, { '!': { everyone: true } }] },
  ]);

it('the index finds what a loop over all filters finds, for every person, at every moment, whatever changed', () => {
  const users = recordsOf(3, 25).map((user, at) =>
    at % 2 === 0 ? user : { ...user, custom_fields: { ...user.custom_fields, role: 'admin' } },
  );
  fc.assert(
    fc.property(
      documentsArbitrary,
      fc.array(momentArbitrary, { minLength: 2, maxLength: 2 }),
      fc.integer({ min: 0, max: 1000 }),
      (documents, instants, pick) => {
        const filters = documents.map((document) => parseFilter(document, options));
        const index = indexFilters(filters);
        const names = filters.map((filter) => dependenciesOf(filter));
        const named = names.flat();
        const changed = new Set([named[pick % named.length] ?? '', named[(pick * 7) % named.length] ?? '']);
        for (const { now, zone } of instants) {
          const when = momentOf(now, zone);
          const tests = filters.map((filter) => compilePredicate(filter, when));
          for (const user of users) {
            const all = tests.flatMap((test, position) => (test(user) ? [position] : []));
            const some = all.filter((position) => names[position]?.some((name) => changed.has(name)));
            expect(index.matching(user, when).toSorted(ascending)).toEqual(all);
            expect(index.matching(user, when, changed).toSorted(ascending)).toEqual(some);
          }
        }
      },
    ),
    { seed: 2, numRuns: 5 },
  );
});

it('what many filters have in common is decided once: nobody is asked where conditions say all', () => {
  const filters = Array.from({ length: 500 }, (_, at) =>
    parseFilter({
      and: [
        { '>=': [{ var: 'custom:seats' }, at % 50] },
        { '<': [{ var: 'signed_up_at' }, { ago: [at % 40, 'days'] }] },
        { '!': { '==': [{ var: 'custom:plan' }, at % 2 === 0 ? 'free' : 'pro'] } },
      ],
    }),
  );
  const index = indexFilters(filters);
  const user = { signed_up_at: '2026-02-09T12:00:00Z', custom_fields: { seats: 30, plan: 'pro' } };
  const expected = filters.flatMap((filter, at) => (compilePredicate(filter, moment)(user) ? [at] : []));
  expect(expected.length).toBeGreaterThan(50);
  expect(index.matching(user, moment).toSorted(ascending)).toEqual(expected);
  expect(index.asked).toBe(0);
});

it('asks few: of a thousand filters with a value of their own, the one whose value the person has', () => {
  const filters = Array.from({ length: 1000 }, (_, id) =>
    parseFilter({
      and: [
        { '==': [{ var: 'custom:plan' }, id % 2 === 0 ? 'pro' : 'free'] },
        {
          or: [
            { '==': [{ var: 'custom:account' }, `a${id}`] },
            { in: [{ lower: { var: 'email' } }, [`u${id}@example.com`]] },
          ],
        },
        { '!': { has: [{ var: 'custom:tags' }, 'internal'] } },
      ],
    }),
  );
  const index = indexFilters(filters);
  const user = { email: 'U17@EXAMPLE.COM', custom_fields: { plan: 'pro', account: 'a400', tags: 'x, y' } };
  expect(index.matching(user, moment)).toEqual([400]);
  expect(index.asked).toBe(2);
});

it('what stands twice in a list counts once', () => {
  const tags = { var: 'custom:tags' };
  const filters = [{ and: [{ has: [tags, 'a'] }, { has: [tags, 'b'] }] }, { has_all: [tags, ['a', 'b']] }];
  const index = indexFilters(filters.map((filter) => parseFilter(filter)));
  expect(index.matching({ custom_fields: { tags: ['a', 'a'] } }, moment)).toEqual([]);
  expect(index.matching({ custom_fields: { tags: 'b, a, b' } }, moment)).toEqual([0, 1]);
});

it('a predicate that moves with the clock is asked anew at each moment', () => {
  const index = indexFilters([parseFilter({ '>=': [{ var: 'last_seen' }, { ago: [1, 'hours'] }] })]);
  const user = { last_seen: '2026-03-01T11:30:00Z' };
  expect(index.matching(user, moment)).toEqual([0]);
  expect(index.matching(user, momentOf('2026-03-01T13:00:00Z'))).toEqual([]);
});
