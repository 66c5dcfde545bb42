import { expect, test } from 'vitest';
import { archiveSeries, pauseSeries, resumeSeries, saveSeries } from '../../../src/automation/index.js';
import { nextScheduled } from '../../../src/automation/series/triggers.js';
import { openPool } from '../../../src/database/pool.js';
import { seriesOf, useAutomation, workspace } from '../support.js';
import {
  addPeople,
  at,
  Clock,
  dated,
  entries,
  inZone,
  iso,
  recurring,
  runs,
  scheduler,
  settle,
  skips,
} from './support.js';

const fixture = useAutomation();

/** Numbers from 0 (included) to 1 (excluded), the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Days around a change of the clocks, in zones that change them differently and in one that never does. */
const journeys = [
  ['Europe/Berlin', '2031-03-29T00:00:00Z'],
  ['Europe/Berlin', '2031-10-25T00:00:00Z'],
  ['America/New_York', '2031-11-01T12:00:00Z'],
  ['Australia/Lord_Howe', '2031-04-05T00:00:00Z'],
  ['Asia/Kathmandu', '2031-06-10T00:00:00Z'],
] as const;

test('two schedulers at once, a clock that jumps about, days on which clocks change: every run once, or skipped with a reason', async () => {
  const { pool, databaseUrl } = fixture();
  const other = await openPool(databaseUrl, { max: 4 });
  try {
    for (const [journey, [zone, from]] of journeys.entries()) {
      const name = `zone-${journey}`;
      await inZone(pool, zone, name);
      const random = randomOf(20_310 + journey);
      const clock = new Clock(from);
      const crons = { half: '30 * * * *', night: '30 2 * * *', own: '15,45 1-3 * * *' };
      for (const [key, cron] of Object.entries(crons)) {
        const trigger = key === 'own' ? { zone: 'Europe/Berlin', catch_up: 'all' } : {};
        await saveSeries(pool, name, recurring(key, cron, trigger));
      }
      await pool.query(`INSERT INTO end_users (workspace_id, user_id) VALUES ($1, 'ada')`, [name]);
      await pool.query(`UPDATE schedules SET decided_until = $2, since = $2 WHERE workspace_id = $1`, [
        name,
        from,
      ]);
      const two = [scheduler(pool, clock), scheduler(other, clock)];
      let [earliest, farthest] = [clock.now, clock.now];
      // Mostly on, now and then back, now and then far ahead.
      for (let step = 0; step < 12; step += 1) {
        const jump = random();
        const minutes = jump < 0.15 ? -90 * random() : jump < 0.25 ? 300 * random() : 70 * random();
        clock.now += Math.round(minutes) * 60_000;
        await settle(...two);
        earliest = Math.min(earliest, clock.now);
        farthest = Math.max(farthest, clock.now);
      }
      farthest = Math.max(farthest, at(from) + 30 * 3_600_000);
      clock.now = farthest;
      await settle(...two);
      for (const [key, cron] of Object.entries(crons)) {
        const plan = { cron, zone: key === 'own' ? 'Europe/Berlin' : null };
        const { rows: made } = await pool.query<{ at: Date }>(
          `SELECT scheduled_for AS at FROM schedule_runs WHERE workspace_id = $1 AND key = $2 AND state = 'done' ORDER BY 1`,
          [name, key],
        );
        const { rows: skipped } = await pool.query<{ first: Date; last: Date }>(
          `SELECT first_for AS first, last_for AS last FROM schedule_skips WHERE workspace_id = $1 AND key = $2`,
          [name, key],
        );
        const runsMade = made.map((row) => row.at.getTime());
        const isSkipped = (instant: number): boolean =>
          skipped.some(({ first, last }) => first.getTime() <= instant && instant <= last.getTime());
        let expected = nextScheduled(plan, earliest, zone);
        const due: number[] = [];
        while (expected !== null && expected <= farthest) {
          due.push(expected);
          expected = nextScheduled(plan, expected, zone);
        }
        expect(due.length).toBeGreaterThan(0);
        // Nothing was made that was not due, and of what was due nothing is neither made nor skipped.
        expect(runsMade.filter((run) => !due.includes(run)).map(iso), `${zone} ${key}`).toEqual([]);
        const forgotten = due.filter((run) => !runsMade.includes(run) && !isSkipped(run));
        expect(forgotten.map(iso), `${zone} ${key}`).toEqual([]);
        // One run, one entry: twice in one run would be two.
        const { rows: entered } = await pool.query<{ count: number }>(
          `SELECT count(*)::integer AS count FROM enrollments WHERE workspace_id = $1 AND series_key = $2`,
          [name, key],
        );
        expect(entered[0]?.count, `${zone} ${key}`).toBe(made.length);
      }
      // The next journey begins at another time, up to which these would have to be decided about.
      await pool.query('DELETE FROM schedules');
    }
  } finally {
    await other.end();
  }
});

test('a clock that was months ahead and is put right: schedules go on at once, and no run that was made is made again', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await addPeople(pool, { ada: {} });
  await saveSeries(pool, workspace, recurring('daily', '0 9 * * *'));
  await pool.query(`UPDATE schedules SET decided_until = '2031-08-31T12:00:00Z'`);
  const clock = new Clock('2031-09-01T09:00:00Z');
  const round = scheduler(pool, clock);
  for (const time of ['2031-09-01T09:00', '2031-06-01T08:00', '2031-06-01T09:00', '2031-09-01T09:00']) {
    clock.set(`${time}:00Z`);
    await settle(round);
  }
  expect(await runs(pool)).toEqual([
    'daily 2031-06-01 09:00 done {"entered": 1}',
    'daily 2031-09-01 09:00 done {"entered": 1}',
  ]);
  expect(await entries(pool)).toHaveLength(2);
});

test('what was missed is caught up by the policy of the schedule, and the rest is on record', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await addPeople(pool, { ada: {} });
  for (const catchUp of ['latest', 'all', 'none'])
    await saveSeries(pool, workspace, recurring(catchUp, '0 9 * * *', { catch_up: catchUp }));
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T12:00:00Z'`);
  const clock = new Clock('2031-06-04T10:00:00Z');
  await settle(scheduler(pool, clock));
  expect(await runs(pool)).toEqual([
    'all 2031-06-04 09:00 done {"entered": 1}',
    'latest 2031-06-04 09:00 done {"entered": 1}',
  ]);
  expect(await skips(pool)).toEqual([
    'all 2031-06-02 09:00 2031-06-03 09:00 2 too_late',
    'latest 2031-06-02 09:00 2031-06-03 09:00 2 too_late',
    'none 2031-06-02 09:00 2031-06-03 09:00 2 too_late',
    'none 2031-06-04 09:00 2031-06-04 09:00 1 missed',
  ]);
});

test('at a run the people of the audience enter, as the entry policy has it; whoever is turned away is counted', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  const admins = { audience: { '==': [{ var: 'custom:role' }, 'admin'] } };
  await saveSeries(pool, workspace, recurring('once', '0 9 * * *', {}, { ...admins, entry: 'once' }));
  await saveSeries(
    pool,
    workspace,
    recurring('again', '0 9 * * *', {}, { entry: { again_after: [2, 'days'] } }),
  );
  await addPeople(pool, { ada: { custom: { role: 'admin' } }, bob: { custom: { role: 'guest' } } });
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T12:00:00Z'`);
  const clock = new Clock('2031-06-02T09:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await addPeople(pool, { eve: { custom: { role: 'admin' } } });
  clock.set('2031-06-03T09:00:00Z');
  await settle(round);
  expect(await entries(pool)).toEqual([
    'ada again 2031-06-02 09:00',
    'ada once 2031-06-02 09:00',
    'bob again 2031-06-02 09:00',
    'eve again 2031-06-03 09:00',
    'eve once 2031-06-03 09:00',
  ]);
  expect(await runs(pool)).toEqual([
    'again 2031-06-02 09:00 done {"entered": 2}',
    'once 2031-06-02 09:00 done {"entered": 1}',
    'again 2031-06-03 09:00 done {"entered": 1, "refused:inside": 2}',
    'once 2031-06-03 09:00 done {"entered": 1, "refused:entered_before": 1}',
  ]);
});

test('a run that comes about in a pause is skipped; one that is under way stops when the series does', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await addPeople(pool, Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`p${index}`, {}])));
  for (const key of ['paused', 'archived', 'changed'])
    await saveSeries(pool, workspace, recurring(key, '0 * * * *'));
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T08:30:00Z'`);
  const clock = new Clock('2031-06-01T09:00:00Z');
  // Decided about, and not yet made.
  const idle = scheduler(pool, clock, { makers: { series: async () => undefined } });
  await idle();
  await pauseSeries(pool, workspace, 'paused');
  await archiveSeries(pool, workspace, 'archived');
  await saveSeries(pool, workspace, seriesOf('changed'));
  // Changed by the clock of Postgres, for which these days are still to come.
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T09:00:00Z'`);
  const round = scheduler(pool, clock);
  await settle(round);
  expect(await runs(pool)).toEqual([
    'archived 2031-06-01 09:00 stopped archived',
    'changed 2031-06-01 09:00 stopped changed',
    'paused 2031-06-01 09:00 stopped paused',
  ]);
  for (const hour of ['10', '11']) {
    clock.set(`2031-06-01T${hour}:00:00Z`);
    await settle(round);
  }
  await resumeSeries(pool, workspace, 'paused');
  await pool.query(
    `UPDATE schedules SET resumed_at = '2031-06-01T11:30:00Z', decided_until = '2031-06-01T11:00:00Z'`,
  );
  clock.set('2031-06-01T12:00:00Z');
  await settle(round);
  expect(await skips(pool)).toEqual(['paused 2031-06-01 10:00 2031-06-01 11:00 2 paused']);
  expect(await runs(pool)).toContain('paused 2031-06-01 12:00 done {"entered": 3}');
  expect(await entries(pool)).toHaveLength(3);
});

test('a changed schedule holds from its saving on, and another zone of the workspace moves what is to come', async () => {
  const { pool } = fixture();
  await inZone(pool, 'Europe/Berlin');
  await saveSeries(pool, workspace, recurring('daily', '0 9 * * *'));
  await saveSeries(pool, workspace, recurring('fixed', '0 9 * * *', { zone: 'Asia/Tokyo' }));
  const clock = new Clock('2031-06-01T12:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await pool.query('DELETE FROM schedule_runs');
  const next = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ key: string; at: Date }>(
      'SELECT key, next_at AS at FROM schedules ORDER BY key',
    );
    return rows.map((row) => `${row.key} ${row.at.toISOString()}`);
  };
  expect(await next()).toEqual(['daily 2031-06-02T07:00:00.000Z', 'fixed 2031-06-02T00:00:00.000Z']);
  await inZone(pool, 'America/New_York');
  await settle(round);
  expect(await next()).toEqual(['daily 2031-06-01T13:00:00.000Z', 'fixed 2031-06-02T00:00:00.000Z']);
  await saveSeries(pool, workspace, recurring('daily', '0 11 * * *'));
  await settle(round);
  expect(await next()).toEqual(['daily 2031-06-01T15:00:00.000Z', 'fixed 2031-06-02T00:00:00.000Z']);
  // The same again is no change, nor is another part of the series.
  const since = await pool.query('SELECT since FROM schedules ORDER BY key');
  await saveSeries(pool, workspace, recurring('daily', '0 11 * * *', {}, { name: 'Another name' }));
  expect((await pool.query('SELECT since FROM schedules ORDER BY key')).rows).toEqual(since.rows);
  await saveSeries(pool, workspace, dated('daily'));
  expect((await pool.query("SELECT plan ->> 'type' AS type FROM schedules ORDER BY key")).rows).toEqual([
    { type: 'date' },
    { type: 'schedule' },
  ]);
});
