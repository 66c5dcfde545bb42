import { expect, test } from 'vitest';
import { pauseSeries, resumeSeries, saveSeries, storyOf } from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { silentLogger } from '../../../src/automation/logger.js';
import type { RunMaker } from '../../../src/automation/schedules/perform.js';
import { seriesRuns } from '../../../src/automation/schedules/series-runs.js';
import { definitionCache } from '../../../src/automation/series/definitions.js';
import { identify, identifyCompany } from '../../../src/traits/index.js';
import { useAutomation, workspace } from '../support.js';
import { addPeople, at, Clock, dated, entries, inZone, runs, scheduler, settle } from './support.js';

const fixture = useAutomation();

/** Looks at each of these instants. */
async function lookAt(
  clock: Clock,
  round: () => Promise<boolean>,
  ...times: readonly string[]
): Promise<void> {
  for (const time of times) {
    clock.set(time);
    await settle(round);
  }
}

async function setDate(pool: Pool, userId: string, date: string | null): Promise<void> {
  await pool.query('UPDATE end_users SET renewal_date = $3 WHERE workspace_id = $1 AND user_id = $2', [
    workspace,
    userId,
    date,
  ]);
}

test('everybody enters at the time of day of their own zone, on days on which its clocks change too, and not a minute before', async () => {
  const { pool } = fixture();
  await inZone(pool, 'Europe/Berlin');
  await saveSeries(pool, workspace, dated('early', { at: '01:45' }));
  await saveSeries(pool, workspace, dated('night', { at: '02:30' }));
  await saveSeries(pool, workspace, dated('office', { at: '02:30', zone: 'workspace' }));
  const people: readonly (readonly [name: string, zone: string | null, date: string])[] = [
    ['forth', 'America/New_York', '2031-03-09'],
    ['here', null, '2031-03-30'],
    ['half', 'Australia/Lord_Howe', '2031-04-06'],
    ['never', 'Asia/Kathmandu', '2031-06-10'],
    ['twice', 'Europe/Berlin', '2031-10-26'],
    ['back', 'America/New_York', '2031-11-02'],
    // Not the day in UTC: the day that it is in Tokyo.
    ['late', 'Asia/Tokyo', '2031-12-01T20:00:00Z'],
  ];
  await addPeople(
    pool,
    Object.fromEntries(
      people.map(([name, zone, date]) => [
        name,
        { renewal_date: date, custom: zone === null ? { timezone: 'Middle/Earth' } : { timezone: zone } },
      ]),
    ),
  );
  const expected = [
    'forth early 2031-03-09 06:45',
    // 02:30 was skipped: three o'clock in New York.
    'forth night 2031-03-09 07:00',
    'forth office 2031-03-09 01:30',
    'here early 2031-03-30 00:45',
    'here night 2031-03-30 01:00',
    'here office 2031-03-30 01:00',
    // 01:45 came twice, half an hour apart.
    'half early 2031-04-05 14:45',
    'half night 2031-04-05 16:00',
    'half office 2031-04-06 00:30',
    'never early 2031-06-09 20:00',
    'never night 2031-06-09 20:45',
    'never office 2031-06-10 00:30',
    'twice early 2031-10-25 23:45',
    'twice night 2031-10-26 00:30',
    'twice office 2031-10-26 00:30',
    'back early 2031-11-02 05:45',
    'back night 2031-11-02 07:30',
    'back office 2031-11-02 01:30',
    'late early 2031-12-01 16:45',
    'late night 2031-12-01 17:30',
    'late office 2031-12-01 01:30',
  ];
  const clock = new Clock('2031-03-01T00:00:00Z');
  const round = scheduler(pool, clock);
  const instants = [
    ...new Set(expected.map((line) => `${line.slice(-16).replace(' ', 'T')}:00Z`)),
  ].toSorted();
  for (const instant of instants) {
    clock.now = at(instant) - 60_000;
    await settle(round);
    const due = (until: number): string[] =>
      expected.filter((line) => at(`${line.slice(-16).replace(' ', 'T')}:00Z`) <= until).toSorted();
    expect(await entries(pool)).toEqual(due(clock.now));
    clock.set(instant);
    await settle(round);
    expect(await entries(pool)).toEqual(due(clock.now));
  }
  expect(await entries(pool)).toHaveLength(expected.length);
});

test('a day in the field lets a person in once; another day does again; a date moved in time moves the entry', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, dated('renewal', { offset: [-1, 'days'] }));
  await addPeople(pool, { ada: { renewal_date: '2031-06-11' }, bob: { renewal_date: '2031-06-11' } });
  const clock = new Clock('2031-06-10T09:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await setDate(pool, 'bob', '2031-06-13');
  await lookAt(clock, round, '2031-06-10T09:30:00Z', '2031-06-10T09:45:00Z', '2031-06-11T09:30:00Z');
  expect(await entries(pool)).toEqual(['ada renewal 2031-06-10 09:30']);
  // The same day at another hour, and in another zone, is the same day.
  await setDate(pool, 'ada', '2031-06-11T12:00:00Z');
  await pool.query(
    `UPDATE end_users SET custom_fields = '{"timezone": "America/New_York"}' WHERE user_id = 'ada'`,
  );
  await lookAt(clock, round, '2031-06-10T13:30:00Z', '2031-06-11T13:30:00Z');
  expect(await entries(pool)).toEqual(['ada renewal 2031-06-10 09:30']);
  await setDate(pool, 'ada', '2031-06-14');
  await lookAt(clock, round, '2031-06-12T09:30:00Z', '2031-06-13T13:30:00Z', '2031-06-13T14:00:00Z');
  expect(await entries(pool)).toEqual([
    'ada renewal 2031-06-10 09:30',
    'ada renewal 2031-06-13 13:30',
    'bob renewal 2031-06-12 09:30',
  ]);
  // Another distance from the same day is no other day; a clock that is put back lets nobody in again.
  await saveSeries(pool, workspace, dated('renewal', { offset: [0, 'days'] }));
  await lookAt(clock, round, '2031-06-13T00:00:00Z', '2031-06-13T09:30:00Z', '2031-06-14T13:30:00Z');
  expect(await entries(pool)).toHaveLength(3);
});

test('a date that is set late lets in for a day, and what nobody looked at in time as well; later than that is on record', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, dated('renewal'));
  await addPeople(pool, {
    outage: { renewal_date: '2031-06-14' },
    missed: { renewal_date: '2031-06-12' },
    none: {},
  });
  const clock = new Clock('2031-06-11T00:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  // Nobody looks for three days.
  await lookAt(clock, round, '2031-06-14T10:07:00Z');
  expect(await entries(pool)).toEqual(['outage renewal 2031-06-14 09:30']);
  expect((await storyOf(pool, workspace, 'renewal', 'missed')).refusals).toMatchObject([
    { happening: 'date', reason: 'too_late' },
  ]);
  await addPeople(pool, {
    late: { renewal_date: '2031-06-14' },
    'later than a day': { renewal_date: '2031-06-13' },
  });
  await lookAt(clock, round, '2031-06-14T10:14:00Z', '2031-06-14T10:15:00Z', '2031-06-14T10:30:00Z');
  expect(await entries(pool)).toEqual(['late renewal 2031-06-14 09:30', 'outage renewal 2031-06-14 09:30']);
  expect(await runs(pool)).toEqual([
    'renewal 2031-06-14 10:00 done {"entered": 1, "refused:too_late": 1}',
    'renewal 2031-06-14 10:15 done {"entered": 1}',
  ]);
});

test('a date that is moved between being found and being let in is not due any more', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, dated('renewal'));
  await addPeople(pool, { ada: { renewal_date: '2031-06-12' }, bob: { renewal_date: '2031-06-12' } });
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-12T09:00:00Z'`);
  const options = { logger: silentLogger, batch: 500, timeoutMs: 10_000, wait: () => 0 };
  const make = seriesRuns(definitionCache(), options);
  const moving: RunMaker = (context) =>
    make({
      ...context,
      stretch: async (work) => {
        await setDate(pool, 'bob', '2031-07-12');
        return context.stretch(work);
      },
    });
  await settle(scheduler(pool, new Clock('2031-06-12T09:30:00Z'), { makers: { series: moving } }));
  expect(await entries(pool)).toEqual(['ada renewal 2031-06-12 09:30']);
  expect(await runs(pool)).toEqual(['renewal 2031-06-12 09:30 done {"entered": 1}']);
});

test('a day that comes in a pause lets nobody in, and whom it missed is on record once', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, dated('renewal'));
  await addPeople(pool, { ada: { renewal_date: '2031-06-12' }, bob: { renewal_date: '2031-06-13' } });
  const clock = new Clock('2031-06-12T00:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await pauseSeries(pool, workspace, 'renewal');
  await lookAt(clock, round, '2031-06-12T09:30:00Z', '2031-06-12T10:00:00Z');
  await resumeSeries(pool, workspace, 'renewal');
  await lookAt(clock, round, '2031-06-12T10:30:00Z', '2031-06-13T09:30:00Z');
  expect(await entries(pool)).toEqual(['bob renewal 2031-06-13 09:30']);
  expect((await storyOf(pool, workspace, 'renewal', 'ada')).refusals).toMatchObject([
    { happening: 'date', reason: 'paused' },
  ]);
});

test('a visitor who was let in by a date is not let in by it again as the person they turn out to be', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, dated('renewal'));
  await addPeople(pool, { ada: {} });
  await pool.query(
    `INSERT INTO end_users (workspace_id, anonymous_id, renewal_date) VALUES ($1, 'visitor', '2031-06-12')`,
    [workspace],
  );
  const clock = new Clock('2031-06-12T09:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await lookAt(clock, round, '2031-06-12T09:30:00Z');
  await identify(pool, { workspaceId: workspace, userId: 'ada', anonymousId: 'visitor' });
  await lookAt(clock, round, '2031-06-12T09:45:00Z');
  expect(await entries(pool)).toEqual(['ada renewal 2031-06-12 09:30']);
});

test('a series is not started by days before its saving, nor another trigger of it', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  const { rows } = await pool.query<{ before: string; after: string }>(
    `SELECT (now() - interval '2 hours')::text AS before, (now() + interval '2 hours')::text AS after`,
  );
  const [times] = rows;
  if (times === undefined) throw new Error('there is a clock');
  const [before, after] = [new Date(times.before).toISOString(), new Date(times.after).toISOString()];
  await saveSeries(pool, workspace, dated('new', { at: before.slice(11, 16) }));
  await saveSeries(pool, workspace, dated('changed', { at: '00:00', offset: [100, 'days'] }));
  await pool.query(`UPDATE series SET active_since = active_since - interval '10 days'`);
  await saveSeries(pool, workspace, dated('changed', { at: before.slice(11, 16) }));
  await addPeople(pool, { ada: { renewal_date: before.slice(0, 10) } });
  const clock = new Clock(after);
  const round = scheduler(pool, clock);
  await settle(round);
  expect(await entries(pool)).toEqual([]);
  expect(await runs(pool)).toEqual([]);
  // From there on they are.
  const next = new Date(at(`${before.slice(0, 10)}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  await setDate(pool, 'ada', next);
  clock.now += 86_400_000;
  await settle(round);
  expect((await entries(pool)).map((line) => line.slice(0, -17))).toEqual(['ada changed', 'ada new']);
});

test('custom fields, companies and months: whatever may name a day lets in by it', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  const series = {
    trial: { field: 'custom:trial_ends_at', offset: [-1, 'weeks'] },
    pointer: { field: 'custom:/plan/ends', offset: [1, 'months'] },
    company: { field: 'company.renewal_date' },
    signup: { field: 'signed_up_at', offset: [3, 'days'] },
  };
  for (const [key, trigger] of Object.entries(series)) await saveSeries(pool, workspace, dated(key, trigger));
  await identifyCompany(pool, {
    workspaceId: workspace,
    companyId: 'acme',
    traits: { renewal_date: '2031-02-28' },
  });
  await addPeople(pool, {
    ada: { custom: { trial_ends_at: '2031-03-07', plan: { ends: '2031-01-31T23:00:00+01:00' } } },
    bob: { custom: { trial_ends_at: 'soon', plan: { ends: 20_310_131 } } },
    eve: { signed_up_at: '2031-02-25T17:00:00Z' },
  });
  await pool.query(`UPDATE end_users SET company_id = 'acme' WHERE user_id = 'bob'`);
  const clock = new Clock('2031-02-28T00:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await lookAt(clock, round, '2031-02-28T09:29:00Z');
  expect(await entries(pool)).toEqual([]);
  await lookAt(clock, round, '2031-02-28T09:30:00Z', '2031-02-28T10:00:00Z');
  expect(await entries(pool)).toEqual([
    'ada pointer 2031-02-28 09:30',
    'ada trial 2031-02-28 09:30',
    'bob company 2031-02-28 09:30',
    'eve signup 2031-02-28 09:30',
  ]);
});
