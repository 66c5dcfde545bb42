import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { reportAudience } from '../../src/audience/report.js';
import type { AudienceReport } from '../../src/audience/report.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { momentOf } from '../../src/filter/time.js';
import { backfillUsers } from '../../src/traits/backfill.js';
import { identify } from '../../src/traits/identify.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { insertRecords } from '../meaning/support.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const now = '2026-03-01T12:00:00Z';
const dirty = recordsOf(20_261, 120);

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await insertRecords(pool, 'dirty', dirty);
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('seed', 'Seed'), ('empty', 'Empty')`);
  const traits = [{ name: 'Ada' }, { name: 'Ben' }, { plan: 'pro' }, {}];
  for (const [index, each] of traits.entries()) {
    await identify(pool, { workspaceId: 'seed', userId: `u${index}`, traits: each });
  }
});

const report = (filter: unknown, workspaceId = 'seed'): Promise<AudienceReport> =>
  reportAudience(pool, { workspaceId, filter: parseFilter(filter), moment: momentOf(now) });

const advice = async (filter: unknown): Promise<string[]> =>
  (await report(filter, 'advice')).suggestions.map(({ code, text }) => `${code}: ${text}`);

const textsOf = async (filter: unknown): Promise<string[]> =>
  (await report(filter, 'advice-some')).suggestions.map(({ text }) => text);

it('a welcome series for owners is empty because identify never sends the role, and the report says so', async () => {
  const found = await report({ '==': [{ var: 'custom:role' }, 'owner'] });
  expect(found).toMatchObject({
    total: 4,
    matched: 0,
    emptied_by: '',
    funnel: [{ path: '', sentence: 'role is "owner"', failed: { missing: 4, different: 0 } }],
    values: [],
  });
  expect(found.suggestions).toEqual([
    {
      path: '',
      code: 'send_trait',
      text: 'Nobody has `role`: send `role` on identify, or backfill it through REST or import; an identify loop would mark everybody active today.',
      people: 4,
      gain: 4,
      exact: false,
      change: { kind: 'send', values: { 'custom:role': 'owner' } },
    },
  ]);
});

it('"signed up in 30 days" is empty where nobody sends signed_up_at, and the report says which field has a fallback', async () => {
  const { matched, suggestions } = await report({
    between: [{ var: 'signed_up_at' }, { ago: [30, 'days'] }, { ago: [0, 'days'] }],
  });
  expect([matched, suggestions.map(({ code }) => code)]).toEqual([0, ['send_trait', 'no_fallback']]);
  expect(suggestions[1]?.text).toContain(
    'has no fallback: people who have none never match. Unlike it, `days_since_signup` falls back to `created_at`',
  );
});

const paid = async (more: object) =>
  (await report({ did: { event: 'paid', count: ['>=', 2], ...more } }, 'paying')).suggestions[0];

it('advice about a clause that leaves a value out says that people have it, not that they have another', async () => {
  await insertRecords(pool, 'left-out', [{ custom_fields: { plan: 'Pro' } }]);
  const { suggestions } = await report({ '!=': [{ var: 'custom:plan' }, 'Pro'] }, 'left-out');
  expect(suggestions.map(({ code, text, gain }) => [code, text, gain])).toContainEqual([
    'other_value',
    '1 person has the `plan` that the clause leaves out.',
    1,
  ]);
});

it('each reason has its own advice, with the values that are there', async () => {
  const records = [
    { custom_fields: { role: 'Admin', seats: '10', ends: '31/12/2026' }, last_seen: '2026-01-05T10:00:00Z' },
    { custom_fields: { role: 'Admin', seats: '9', ends: '2026-01-31' }, last_seen: '2025-01-05T10:00:00Z' },
    { custom_fields: { role: 'admni', seats: 3 }, last_seen: '2026-02-28T10:00:00Z' },
  ];
  await insertRecords(pool, 'advice', records);
  expect(await advice({ '==': [{ var: 'custom:role' }, 'admin'] })).toEqual([
    'letter_case: 2 people have `Admin` as `role`. Letter case counts: write {"==": [{"lower": {"var": "custom:role"}}, "admin"]}, or send `role` in one letter case.',
    'other_value: 1 person has another `role`. Most frequent: "Admin" (2), "admni" (1). Is `admni` meant?',
  ]);
  expect(await advice({ '>': [{ var: 'custom:seats' }, 5] })).toEqual([
    'other_type: 2 people have `seats` as another type, such as `"10"`, `"9"`. The clause asks for a number, without quotes: send one, or ask for what is sent.',
    'other_value: 1 person has another `seats`. Most frequent: "10" (1), "9" (1), 3 (1).',
  ]);
  expect(await advice({ '>=': [{ var: 'custom:ends' }, { ago: [0, 'days'] }] })).toEqual([
    'send_trait: 1 person has no `ends`: send `ends` on identify, or backfill it through REST or import; an identify loop would mark everybody active today.',
    'not_a_time: `ends` of 1 person is no ISO 8601 time, such as `31/12/2026`. Send `2026-01-31` or `2026-01-31T09:30:00Z`.',
    'outside_window: `ends` of 1 person lies outside the window. The nearest is `2026-01-31`.',
  ]);
  expect(
    await advice({ between: [{ var: 'last_seen' }, { ago: [7, 'days'] }, { ago: [2, 'days'] }] }),
  ).toEqual([
    'outside_window: `last_seen` of 3 people lies outside the window. The nearest is `2026-01-05T10:00:00.000Z` before it and `2026-02-28T10:00:00.000Z` after it.',
  ]);
  expect(await advice({ did: { event: 'trial_started' } })).toEqual([
    "send_event: Nobody ever did `trial_started`. Send it with track; an event's name is compared letter by letter.",
  ]);
  const done = { event: 'paid', occurred_at: '2026-02-01T00:00:00Z', properties: { amount: 5 } };
  await insertRecords(pool, 'paying', [{ events: [done] }, { events: [done, done] }]);
  expect(await paid({})).toMatchObject({
    text: '1 person did `paid` another number of times than is asked for.',
    gain: 1,
  });
  expect((await paid({ where: { '>': [{ var: 'property:amount' }, 9] } }))?.text).toBe(
    '2 people did `paid` with such properties another number of times than is asked for.',
  );
  const contradiction = {
    and: [{ '==': [{ var: 'custom:seats' }, 3] }, { '==': [{ var: 'custom:role' }, 'Admin'] }],
  };
  expect(await advice(contradiction)).toContain(
    'leave_out: Without the clause "seats is 3", 2 people would match.',
  );
});

it('a value that people match by is not listed among the other values', async () => {
  const records = ['owner', 'owner', 'member', 'viewer'].map((role) => ({
    custom_fields: { team: { role } },
    company: { company_id: `of-${role}`, renewal_status: role },
  }));
  await insertRecords(pool, 'advice-some', records);
  const rest = 'Most frequent: "member" (1), "viewer" (1).';
  expect(await textsOf({ '==': [{ var: 'custom:/team/role' }, 'owner'] })).toEqual([
    `2 people have another \`/team/role\`. ${rest}`,
  ]);
  expect(await textsOf({ in: [{ var: 'company.renewal_status' }, ['owner']] })).toEqual([
    `2 people have another \`company renewal_status\`. ${rest}`,
  ]);
});

it('what is probably not meant about the filter itself is told beside the numbers, also where it matches everybody', async () => {
  const role = { var: 'custom:role' };
  for (const [filter, code] of [
    [{ or: [{ '!=': [role, 'pro'] }, { '!=': [role, 'free'] }] }, 'or_of_unequals'],
    [{ '>=': [role, '2.10.0'] }, 'text_order'],
    [{ in: [role, ['a,b,c']] }, 'one_text_for_list'],
    [{ and: [{ exists: role }, { missing: role }] }, 'contradiction'],
  ] as const) {
    expect((await report(filter)).warnings.map((each) => each.code)).toEqual([code]);
  }
  expect((await report({ exists: role })).warnings).toEqual([]);
});

it('what is said to be sent gains what is said when it is backfilled, and marks nobody active', async () => {
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('backfilled', 'Backfilled')`);
  const ids = ['a', 'b', 'c'];
  for (const userId of ids)
    await identify(pool, { workspaceId: 'backfilled', userId, traits: { name: 'N' } });
  const seen = async (): Promise<unknown> =>
    (await pool.query(`SELECT max(last_seen) FROM end_users WHERE workspace_id = 'backfilled'`)).rows;
  const before = await seen();
  const age = { var: 'custom:age' };
  for (const [filter, itemOf] of [
    [{ and: [{ '>=': [age, 18] }, { '<': [age, 65] }] }, (traits: object) => ({ traits })],
    [
      { and: [{ exists: { var: 'company.custom:plan' } }, { '==': [{ var: 'company.name' }, 'Acme'] }] },
      (traits: object) => ({ company_id: 'acme', company_traits: traits }),
    ],
  ] as const) {
    const [first] = (await report(filter, 'backfilled')).suggestions;
    const change = first?.change;
    if (change?.kind !== 'send') throw new Error('nothing is to be sent');
    const traits = Object.fromEntries(
      Object.entries(change.values).map(([name, value]) => [
        name.replace(/^company\.|(?:company\.)?custom:/g, ''),
        value,
      ]),
    );
    const users = ids.map((id) => ({ user_id: id, ...itemOf(traits) }));
    await backfillUsers(pool, { workspaceId: 'backfilled', users });
    expect([first?.text, (await report(filter, 'backfilled')).matched]).toEqual([
      expect.stringContaining('or backfill it through REST or import'),
      first?.gain,
    ]);
  }
  expect(await seen()).toEqual(before);
});

it('an empty workspace is empty for that reason alone', async () => {
  expect(await report({ exists: { var: 'email' } }, 'empty')).toMatchObject({
    total: 0,
    matched: 0,
    emptied_by: null,
    suggestions: [{ code: 'nobody_here' }],
  });
});

it('for whatever filter and whatever people, passed and failed add up to everybody in every clause, and matched is the count', async () => {
  const sample = fc.sample(fc.tuple(filterArbitrary, momentArbitrary), { seed: 20_262, numRuns: 60 });
  for (const [document, { now: instant, zone }] of sample) {
    const filter = parseFilter(document, { segments: savedSegments });
    const moment = momentOf(instant, zone);
    const { total, matched, emptied_by, funnel } = await reportAudience(pool, {
      workspaceId: 'dirty',
      filter,
      moment,
    });
    expect(total).toBe(dirty.length);
    expect(matched).toBe(dirty.filter(compilePredicate(filter, moment)).length);
    expect(emptied_by === null).toBe(matched > 0);
    for (const { passed_alone: alone, failed } of funnel) {
      expect(Object.values(failed).reduce((sum, count) => sum + count, alone)).toBe(total);
    }
  }
});

it('a filter of more leaves than fit one number is told as exactly', async () => {
  const leaves = Array.from({ length: 40 }, (_, index) => ({
    '!=': [{ var: 'custom:role' }, `r${index}`],
  }));
  const { funnel, matched } = await report(
    { and: [...leaves, { '!=': [{ var: 'custom:role' }, 'admin'] }] },
    'advice',
  );
  expect(matched).toBe(3);
  expect(new Set(funnel.map(({ passed_so_far: left }) => left))).toEqual(new Set([3]));
  expect(funnel).toHaveLength(41);
});
