import { readFileSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPresets, presetNamed } from '../../src/audience/presets.js';
import { errorTable } from '../../src/errors/index.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import { importUsers, sampleUsersCsv } from '../../src/traits/index.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { fileOf, problemsOf } from '../traits/support.js';

/** A Thursday. */
const now = '2026-06-18T12:00:00Z';
const day = 86_400_000;
const days = (count: number): Date => new Date(Date.parse(now) + count * day);
const inDays = (count: number): string => days(count).toISOString();

/** For each preset, people who are in and people who are out, by what sets them apart. */
const examples: Record<string, { in: readonly UserRecord[]; out: readonly UserRecord[] }> = {
  'signed-up-in-30-days': {
    in: [{ signed_up_at: days(-30) }, { signed_up_at: days(0) }],
    out: [{ signed_up_at: days(-30.01) }, { signed_up_at: days(1) }, { created_at: days(-1) }, {}],
  },
  'new-this-week': {
    in: [{ signed_up_at: '2026-06-15T00:00:00Z' }, { signed_up_at: now }],
    out: [{ signed_up_at: '2026-06-14T23:59:59.999Z' }, { signed_up_at: days(1) }, { created_at: now }],
  },
  admins: {
    in: [{ custom_fields: { role: 'admin' } }],
    out: [
      { custom_fields: { role: 'Admin' } },
      { custom_fields: { role: ['admin'] } },
      { custom_fields: {} },
    ],
  },
  'trial-ending': {
    in: [{ custom_fields: { trial_ends_at: inDays(0) } }, { custom_fields: { trial_ends_at: inDays(7) } }],
    out: [
      { custom_fields: { trial_ends_at: inDays(-1) } },
      { custom_fields: { trial_ends_at: inDays(7.01) } },
      { custom_fields: { trial_ends_at: 'soon' } },
      {},
    ],
  },
  'at-risk': {
    in: [{ renewal_status: 'at_risk' }, { renewal_status: 'set_to_cancel_trial' }],
    out: [{ renewal_status: 'renewed' }, {}],
  },
  'inactive-14-days': {
    in: [{ last_seen: days(-14.01) }],
    out: [{ last_seen: days(-14) }, { last_seen: days(0) }, {}],
  },
  'renewal-due-in-60-days': {
    in: [{ renewal_date: days(60) }, { renewal_date: days(0), renewal_status: 'at_risk' }],
    out: [
      { renewal_date: days(61) },
      { renewal_date: days(-1) },
      { renewal_date: days(5), renewal_status: 'renewed' },
      {},
    ],
  },
  'never-contacted': { in: [{}], out: [{ last_contacted_at: days(-900) }] },
  paying: {
    in: [{ custom_fields: { plan: 'pro' } }],
    out: [{ custom_fields: { plan: 'free' } }, { custom_fields: { plan: 'trial' } }, {}],
  },
  'free-with-many-seats': {
    in: [{ custom_fields: { plan: 'free', seats: 5 } }],
    out: [
      { custom_fields: { plan: 'free', seats: 4 } },
      { custom_fields: { plan: 'free', seats: '5' } },
      { custom_fields: { plan: 'pro', seats: 5 } },
    ],
  },
  'power-users': {
    in: [{ last_seen: days(-7), custom_fields: { sessions_last_month: 20 } }],
    out: [
      { last_seen: days(-7.01), custom_fields: { sessions_last_month: 20 } },
      { last_seen: days(0), custom_fields: { sessions_last_month: 19.9 } },
      { custom_fields: { sessions_last_month: 40 } },
    ],
  },
  'beta-testers': {
    in: [
      { custom_fields: { feature_flags: 'new_analytics, beta_dashboard' } },
      { custom_fields: { feature_flags: ['beta_dashboard'] } },
    ],
    out: [{ custom_fields: { feature_flags: 'beta_dashboard_v2' } }, { custom_fields: {} }],
  },
  'no-email': { in: [{}, { email: '' }], out: [{ email: 'a@example.com' }] },
  'onboarding-stalled': {
    in: [{ signed_up_at: days(-7), custom_fields: { onboarding_step: 2 } }, { created_at: days(-20) }],
    out: [
      { signed_up_at: days(-6.9) },
      { signed_up_at: days(-31) },
      { signed_up_at: days(-10), custom_fields: { onboarding_step: 3 } },
      {},
    ],
  },
  'role-unknown': { in: [{}, { custom_fields: { role: null } }], out: [{ custom_fields: { role: '' } }] },
};

const presets = loadPresets();

it('every file of rules/presets is a preset, and every preset has people who are in and people who are out', () => {
  const files = readdirSync(new URL('../../rules/presets', import.meta.url));
  expect(presets.map(({ key }) => `${key}.json`)).toEqual(files.toSorted());
  expect(Object.keys(examples).toSorted()).toEqual(presets.map(({ key }) => key));
});

it.each(presets)(
  '$key has a title, a sentence without a full stop, and no key that nobody reads',
  ({ key, title, sentence }) => {
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(sentence).toMatch(/^People .*[^.]$/);
    const json: unknown = JSON.parse(
      readFileSync(new URL(`../../rules/presets/${key}.json`, import.meta.url), 'utf8'),
    );
    expect(Object.keys(json ?? {})).toEqual(['key', 'title', 'sentence', 'filter']);
  },
);

it.each(presets)('$key matches exactly the people it says', ({ key, filter }) => {
  const matches = compilePredicate(filter, momentOf(now));
  expect(examples[key]?.in.filter((person) => !matches(person))).toEqual([]);
  expect(examples[key]?.out.filter((person) => matches(person))).toEqual([]);
});

it('new-this-week begins on Monday in the zone of the workspace', () => {
  const matches = compilePredicate(presetNamed('new-this-week').filter, momentOf(now, 'America/New_York'));
  expect(matches({ signed_up_at: '2026-06-15T03:59:59.999Z' })).toBe(false);
  expect(matches({ signed_up_at: '2026-06-15T04:00:00Z' })).toBe(true);
});

it('a date that is today is in the next days and in the last ones, wherever the workspace is', () => {
  for (const [zone, at, date] of [
    ['America/Los_Angeles', '2026-12-01T04:00:00Z', '2026-11-30'],
    ['Asia/Tokyo', '2026-11-29T16:00:00Z', '2026-11-30'],
    ['UTC', '2026-11-30T23:00:00Z', '2026-11-30'],
  ] as const) {
    const person = { renewal_date: date, signed_up_at: date, custom_fields: { trial_ends_at: date } };
    const matching = presets
      .filter(({ filter }) => compilePredicate(filter, momentOf(at, zone))(person))
      .map(({ key }) => key);
    expect(matching).toEqual(
      expect.arrayContaining([
        'new-this-week',
        'renewal-due-in-60-days',
        'signed-up-in-30-days',
        'trial-ending',
      ]),
    );
  }
});

it.each([
  ['admin', 'did you mean `admins`?'],
  ['signed_up_in_30_days', 'did you mean `signed-up-in-30-days`?'],
  ['../presets/admins', 'the presets are admins, at-risk'],
  ['constructor', 'the presets are'],
])('the unknown preset `%s` is refused with exit code 2 and a hint', async (key, hint) => {
  const [problem] = await problemsOf(() => presetNamed(key));
  expect(problem).toMatchObject({ code: 'unknown_preset', message: `there is no preset \`${key}\`` });
  expect(problem?.hint).toContain(hint);
  expect(errorTable.unknown_preset.exit).toBe(2);
});

describe('on the sample people', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
    const source = fileOf('sample.csv', sampleUsersCsv(Date.parse(now)));
    await importUsers(db.pool, { workspaceId: 'sample', source });
  });

  // Imported people were never seen, which these two ask about.
  const needsVisits = new Set(['inactive-14-days', 'power-users']);

  it.each(presets.filter(({ key }) => !needsVisits.has(key)))('$key finds somebody', async ({ filter }) => {
    const { text, values } = compileSql(filter, { moment: momentOf(now), offset: 1, alias: 'u' });
    const { rows } = await db.pool.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM end_users AS u WHERE u.workspace_id = $1 AND (${text})`,
      ['sample', ...values],
    );
    expect(rows[0]?.count).toBeGreaterThan(0);
  });
});
