import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { pastValues } from '../../src/automation/series/dates.js';
import { explainSeries } from '../../src/automation/series/decision.js';
import { parseSeries } from '../../src/automation/series/parse.js';
import { reportSeries } from '../../src/automation/series/report.js';
import { saveSeries } from '../../src/automation/series/store.js';
import { entryOn } from '../../src/automation/series/triggers.js';
import type { DateTrigger } from '../../src/automation/series/triggers.js';
import { warningsAbout } from '../../src/automation/series/warnings.js';
import { simulate } from '../../src/automation/simulate.js';
import type { Pool } from '../../src/database/pool.js';
import { identify } from '../../src/traits/identify.js';
import { suppress } from '../../src/traits/suppression.js';
import { track } from '../../src/traits/track.js';
import { muster } from '../cli/muster.js';
import { testDatabase } from '../support/database.js';

const workspaceId = 'acme';
const now = Date.parse('2026-11-30T12:00:00Z');
const day = 86_400_000;
const trial = (more: object = {}): Record<string, unknown> => ({
  key: 'trial',
  name: 'Trial',
  trigger: { type: 'date', field: 'custom:trial_ends_at', offset: [-3, 'days'], at: '10:00', zone: 'person' },
  steps: [{ type: 'send', key: 'hello', channel: 'log', message: { text: 'hello' } }],
  ...more,
});

/** The date so many days from today. */
const at = (days: number): string =>
  new Date(Math.floor(Date.now() / day) * day + days * day).toISOString().slice(0, 10);

let pool: Pool;
let url: string;

beforeAll(async () => {
  ({ pool, url } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name, zone) VALUES ($1, 'Acme', 'Europe/Berlin')`, [
    workspaceId,
  ]);
  const known = (userId: string, traits: Record<string, unknown>) =>
    identify(pool, { workspaceId, userId, traits });
  await known('nothing', { plan: 'pro' });
  await known('german', { trial_ends_at: '04.04.2026' });
  await known('american', { trial_ends_at: '12/20/2026' });
  await known('number', { trial_ends_at: 1_700_000_000 });
  await known('too-late', { trial_ends_at: '2026-12-02' });
  await known('this-morning', { trial_ends_at: '2026-12-03' });
  await known('soon', { trial_ends_at: '2026-12-20' });
  await known('soon-too', { trial_ends_at: '2026-12-20T00:00:00Z' });
  await known('soon-there', { trial_ends_at: '2026-12-20', timezone: 'Asia/Tokyo' });
  await known('nowhere', { trial_ends_at: '2026-12-24', timezone: 'Berlin' });
  await known('out', { trial_ends_at: '2026-12-20' });
  await suppress(pool, { workspaceId, userId: 'out', reason: 'asked' });
  await saveSeries(pool, workspaceId, trial());
  // As if it had been saved the day before.
  await pool.query(`UPDATE series SET active_since = $1, created_at = $1`, ['2026-11-28T00:00:00Z']);
  await pool.query(`UPDATE schedules SET since = $1`, ['2026-11-28T00:00:00Z']);
});

it('a report on a date series says how many have no date, one that is no time, one that is past and one to come, and when', async () => {
  const { people, dates } = await reportSeries(pool, { workspaceId, key: 'trial', now });
  expect(Object.fromEntries(people.map(({ why, people: count }) => [why, count]))).toEqual({
    date_missing: 1,
    date_unreadable: 3,
    date_past: 1,
    date_to_come: 5,
    suppressed: 1,
  });
  expect(dates).toEqual({
    field: 'custom:trial_ends_at',
    people: 11,
    missing: 1,
    unreadable: 3,
    past: 1,
    to_come: 6,
    unreadable_examples: ['04.04.2026', '1700000000'],
    next: [
      // Within the last day: the next look lets them in.
      { at: '2026-11-30T09:00:00.000Z', people: 1 },
      { at: '2026-12-17T01:00:00.000Z', people: 1 },
      { at: '2026-12-17T09:00:00.000Z', people: 3 },
      { at: '2026-12-21T09:00:00.000Z', people: 1 },
    ],
  });
});

it.each([
  ['nothing', { decision: 'refused', reason: 'trigger' }, { state: 'missing', seen: null, at: null }],
  [
    'german',
    { decision: 'refused', reason: 'trigger' },
    { state: 'unreadable', seen: '04.04.2026', at: null },
  ],
  [
    'number',
    { decision: 'refused', reason: 'trigger' },
    { state: 'unreadable', seen: 1_700_000_000, at: null },
  ],
  ['out', { decision: 'refused', reason: 'suppressed' }, { state: 'to_come', seen: '2026-12-20' }],
])(
  'explaining %s says what their date is instead of that they would enter now',
  async (userId, said, trigger) => {
    const { now: decided } = await explainSeries(pool, { workspaceId, key: 'trial', userId });
    expect(decided).toMatchObject({ ...said, trigger: { field: 'custom:trial_ends_at', ...trigger } });
  },
);

it('explaining somebody whose date is past or to come names its instant', async () => {
  await identify(pool, { workspaceId, userId: 'gone', traits: { trial_ends_at: at(-40) } });
  await identify(pool, { workspaceId, userId: 'coming', traits: { trial_ends_at: at(40) } });
  const gone = await explainSeries(pool, { workspaceId, key: 'trial', userId: 'gone' });
  expect(gone.now).toMatchObject({ decision: 'refused', reason: 'trigger', trigger: { state: 'past' } });
  const coming = await explainSeries(pool, { workspaceId, key: 'trial', userId: 'coming' });
  expect(coming.now).toMatchObject({ decision: 'will_enter', reason: null, trigger: { state: 'to_come' } });
  expect(coming.now.trigger.at?.toISOString().slice(0, 10)).toBe(at(37));
  const told = await muster(
    ['explain', '--series', 'trial', '--user', 'coming', '--workspace', workspaceId],
    {
      DATABASE_URL: url,
    },
  );
  expect(told.out).toContain('will enter at');
  const german = await muster(
    ['explain', '--series', 'trial', '--user', 'german', '--workspace', workspaceId],
    {
      DATABASE_URL: url,
    },
  );
  expect(german.out).toContain('custom:trial_ends_at: seen "04.04.2026", which is no ISO 8601 time');
  expect(german.out).not.toMatch(/now .*entered/);
  await pool.query(`DELETE FROM end_users WHERE user_id IN ('gone', 'coming')`);
});

it('a day in a time column is shown as that date, as in every explanation', async () => {
  const trigger = { type: 'date', field: 'renewal_date', at: '10:00' };
  await saveSeries(pool, workspaceId, { ...trial(), key: 'renewal', trigger });
  await identify(pool, { workspaceId, userId: 'renews', traits: { renewal_date: '2999-12-05' } });
  const { now: decided } = await explainSeries(pool, { workspaceId, key: 'renewal', userId: 'renews' });
  expect(decided.trigger).toMatchObject({ state: 'to_come', seen: '2999-12-05' });
  await pool.query(`DELETE FROM end_users WHERE user_id = 'renews'`);
});

it('a series on events says what would happen if the event came, as it may at any moment', async () => {
  const { steps } = trial();
  await saveSeries(pool, workspaceId, {
    key: 'bought',
    name: 'Bought',
    trigger: { type: 'event', event: 'buy' },
    steps,
  });
  const { now: decided } = await explainSeries(pool, { workspaceId, key: 'bought', userId: 'german' });
  expect(decided).toMatchObject({ decision: 'entered', trigger: { type: 'event', state: 'any_time' } });
});

it('somebody whom no identify named yet still has their user_created to come', async () => {
  const { steps } = trial();
  await saveSeries(pool, workspaceId, { key: 'new', name: 'New', trigger: { type: 'user_created' }, steps });
  await track(pool, { workspaceId, userId: 'tracked', event: 'seen' });
  const { now: decided } = await explainSeries(pool, { workspaceId, key: 'new', userId: 'tracked' });
  expect(decided).toMatchObject({ decision: 'entered', trigger: { state: 'any_time' } });
  await pool.query(`DELETE FROM end_users WHERE user_id = 'tracked'`);
});

it('a save warns of dates that are no times, and of a field that nobody has or that is never a text', async () => {
  const codes = async (document: unknown) =>
    (await warningsAbout(pool, workspaceId, document, now)).map(({ code, path }) => `${code} ${path}`);
  expect(await codes(trial())).toEqual(['date_unreadable /trigger/field']);
  const [warning] = await warningsAbout(pool, workspaceId, trial(), now);
  expect(warning?.message).toBe(
    'of 11 people in the audience, by `custom:trial_ends_at`: 1 have no value; 3 have a value that is no ISO 8601 time, such as `04.04.2026`, `1700000000`; 1 have a date whose time to enter is past; 6 are still to enter (the next 2026-11-30 09:00 UTC, 1)',
  );
  const on = (field: string) => trial({ key: 'other', trigger: { type: 'date', field, at: '10:00' } });
  expect(await codes(on('custom:no_such_date'))).toEqual([
    'trait_never_sent /trigger/field',
    'date_never_comes /trigger/field',
  ]);
  await identify(pool, { workspaceId, userId: 'nothing', traits: { born: 1990 } });
  expect(await codes(on('custom:born'))).toEqual([
    'type_never_sent /trigger/field',
    'date_never_comes /trigger/field',
  ]);
  // All of them are readable, and one is to come: nothing is wrong.
  const audience = { '==': [{ var: 'custom:trial_ends_at' }, '2026-12-20'] };
  expect(await codes(trial({ key: 'fine', audience }))).toEqual([]);
});

it('muster lint counts the dates of a series file against the workspace', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-lint-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'trial.json');
  writeFileSync(file, JSON.stringify(trial()));
  const found = await muster(
    ['lint', file, '--json', '--now', '2026-11-30T12:00:00Z', '--workspace', workspaceId],
    { DATABASE_URL: url },
  );
  expect(found.code).toBe(1);
  expect(JSON.parse(found.out)).toMatchObject({ findings: [{ file, code: 'date_unreadable' }] });
});

it('a simulation that lets nobody in says why', () => {
  const from = '2026-11-30T12:00:00Z';
  const people = [
    { user_id: 'a' },
    { user_id: 'b', custom_fields: { trial_ends_at: '01.10.2026' } },
    { user_id: 'c', custom_fields: { trial_ends_at: '2026-06-01' } },
    { user_id: 'd', custom_fields: { trial_ends_at: '2027-06-01' } },
  ];
  const simulated = simulate({ series: parseSeries(trial()), people, from, days: 30 });
  expect(simulated).toMatchObject({
    triggered: 0,
    dates: { people: 4, missing: 1, unreadable: 1, past: 1, to_come: 1, unreadable_examples: ['01.10.2026'] },
  });
  expect(simulated.why_nobody).toContain("nobody's date comes from 2026-11-30 12:00 to 2026-12-30 12:00 UTC");
  const { steps } = trial();
  const why = (trigger: object) => {
    const series = parseSeries({ key: 's', name: 'S', trigger, steps });
    return simulate({ series, people, from, days: 1 }).why_nobody;
  };
  expect(why({ type: 'event', event: 'buy' })).toContain('nobody does `buy`');
  expect(why({ type: 'schedule', cron: '0 0 1 1 *' })).toContain('the schedule `0 0 1 1 *` has no run');
  expect(why({ type: 'user_created' })).toBeNull();
});

it('the two bounds of a zone agree with the instant of every single value', () => {
  const { trigger } = parseSeries(trial());
  if (trigger.type !== 'date') throw new Error('a date trigger');
  const triggers: DateTrigger[] = [
    trigger,
    { ...trigger, offset: { amount: 1, unit: 'months' } },
    { ...trigger, offset: { amount: -2, unit: 'weeks' }, at: 0 },
    { ...trigger, offset: { amount: 0, unit: 'days' }, at: 1439 },
  ];
  const instants = [
    '2026-02-28T23:30:00Z',
    '2026-03-29T01:00:00Z',
    '2026-10-25T00:30:00Z',
    '2026-09-06T04:00:00Z',
  ];
  for (const each of triggers) {
    for (const zone of ['UTC', 'Europe/Berlin', 'America/Santiago', 'Pacific/Kiritimati', 'Etc/GMT+12']) {
      for (const instant of instants) {
        const passed = Date.parse(instant);
        const { lastDay, firstLater } = pastValues(each, zone, passed);
        expect(entryOn(each, lastDay, zone)).toBeLessThanOrEqual(passed);
        expect(entryOn(each, lastDay + day, zone)).toBeGreaterThan(passed);
        expect(entryOn(each, firstLater + 1, zone)).toBeGreaterThan(passed);
        expect(entryOn(each, firstLater - 1, zone)).toBeLessThanOrEqual(passed);
      }
    }
  }
});
