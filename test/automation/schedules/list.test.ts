import { expect, test } from 'vitest';
import { listSchedules, pauseSeries, saveSeries } from '../../../src/automation/index.js';
import { scheduleLines } from '../../../src/cli/views/schedules.js';
import { useAutomation, workspace } from '../support.js';
import { addPeople, Clock, dated, inZone, recurring, scheduler, settle } from './support.js';

const fixture = useAutomation();

test('what comes about by the clock is listed with what its runs did, and what was skipped and why', async () => {
  const { pool } = fixture();
  await inZone(pool, 'Europe/Berlin');
  await saveSeries(pool, workspace, recurring('weekly', '0 9 * * 1', {}, { entry: 'once' }));
  await saveSeries(pool, workspace, dated('renewal', { offset: [-60, 'days'] }));
  await saveSeries(pool, 'other', recurring('theirs', '0 9 * * 1'));
  await addPeople(pool, { ada: {}, bob: {} });
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T00:00:00Z' WHERE workspace_id = $1`, [
    workspace,
  ]);
  const clock = new Clock('2031-06-02T07:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  await addPeople(pool, { eve: {} });
  clock.set('2031-06-16T08:00:00Z');
  await settle(round);
  await pauseSeries(pool, workspace, 'renewal');
  const listed = await listSchedules(pool, workspace);
  expect(listed).toMatchObject([
    {
      kind: 'series',
      key: 'renewal',
      state: 'paused',
      plan: { type: 'date', field: 'renewal_date', offset: [-60, 'days'], at: '09:30' },
      fault: null,
      next_runs: [],
      runs: [],
      skipped: [],
    },
    {
      key: 'weekly',
      state: 'active',
      next_at: new Date('2031-06-23T07:00:00Z'),
      runs: [
        {
          scheduled_for: new Date('2031-06-16T07:00:00Z'),
          state: 'done',
          people: { entered: 1, held_out: 0, turned_away: { entered_before: 2 }, put_aside: 0 },
        },
        { scheduled_for: new Date('2031-06-02T07:00:00Z'), people: { entered: 2, turned_away: {} } },
      ],
      skipped: [{ first_for: new Date('2031-06-09T07:00:00Z'), runs: 1, reason: 'too_late' }],
    },
  ]);
  expect(listed[1]?.next_runs).toHaveLength(5);
  const shown = scheduleLines(
    { style: (_, text) => text, width: 120, interactive: false, line: () => {}, write: () => {} },
    listed,
  );
  expect(shown).toContain('  2031-06-16 07:00  done  1 entered, 2 turned away: entered_before');
  expect(shown).toContain('  2031-06-09 07:00  1 skipped: too_late');
  expect((await listSchedules(pool, workspace, { runs: 0 }))[1]).toMatchObject({
    runs: [],
    skipped: [],
    next_runs: [],
  });
});

test('somebody with whom it fails is put aside and tried again, and a run that fails is tried for a day', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  const often = { audience: { did: { event: 'seen' } } };
  await saveSeries(pool, workspace, recurring('daily', '0 9 * * *', {}, often));
  await addPeople(pool, { ada: {}, bob: {} });
  // More events than one person can be judged by.
  await pool.query(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at)
     SELECT u.workspace_id, u.id, 'seen', now() FROM end_users u
     CROSS JOIN generate_series(1, CASE u.user_id WHEN 'ada' THEN 10001 ELSE 1 END)`,
  );
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-01T00:00:00Z'`);
  const clock = new Clock('2031-06-01T09:00:00Z');
  await settle(scheduler(pool, clock));
  const people = async (): Promise<unknown> => (await listSchedules(pool, workspace))[0]?.runs[0];
  expect(await people()).toMatchObject({ state: 'done', people: { entered: 1, put_aside: 1 } });
  const { rows } = await pool.query('SELECT kind, series_key, attempts FROM outbox');
  expect(rows).toEqual([{ kind: 'schedule', series_key: 'daily', attempts: 1 }]);

  clock.set('2031-06-02T09:00:00Z');
  const failing = scheduler(pool, clock, {
    makers: {
      series: async () => {
        throw new Error('out of order');
      },
    },
    wait: () => 3_600_000,
  });
  await failing();
  expect(await people()).toMatchObject({
    state: 'running',
    last_error: 'out of order',
    retry_at: expect.any(Date) as unknown,
  });
  await pool.query(
    `UPDATE schedule_runs SET retry_at = now(), started_at = now() - interval '25 hours' WHERE state = 'running'`,
  );
  await failing();
  expect(await people()).toMatchObject({ state: 'failed', last_error: 'out of order', retry_at: null });
});
