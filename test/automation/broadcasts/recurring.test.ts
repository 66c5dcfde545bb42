import { beforeAll, beforeEach, expect, test } from 'vitest';
import {
  deleteBroadcast,
  getBroadcast,
  launchBroadcast,
  listSchedules,
  pauseBroadcast,
  resumeBroadcast,
  saveBroadcast,
} from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { testDatabase } from '../../support/database.js';
import { Clock, runs, scheduler, settle, skips } from '../schedules/support.js';
import { addPeople, addWorkspace, broadcastOf, refusal, workspace } from './support.js';

let pool: Pool;
beforeAll(async () => {
  ({ pool } = await testDatabase());
  await addWorkspace(pool);
});
beforeEach(async () => {
  await pool.query(
    'TRUNCATE broadcasts, broadcast_runs, broadcast_recipients, schedules, schedule_runs, schedule_skips, end_users CASCADE',
  );
});

const weekly = { schedule: { cron: '0 9 * * 1', catch_up: 'latest' } };

/** Puts what is decided about to a time of the test's own, which the clock of Postgres does not know. */
async function decidedUntil(time: string): Promise<void> {
  await pool.query('UPDATE schedules SET decided_until = $1', [time]);
}

/** Who was frozen by which launch. */
async function recipients(): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(
    `SELECT concat_ws(' ', r.run, u.user_id) AS text FROM broadcast_recipients p
     JOIN broadcast_runs r ON r.workspace_id = p.workspace_id AND r.id = p.run_id
     JOIN end_users u ON u.workspace_id = p.workspace_id AND u.id = p.end_user_id ORDER BY 1`,
  );
  return rows.map(({ text }) => text);
}

test('a broadcast that recurs is launched once for each run, to the audience of that time, however many look', async () => {
  await addPeople(pool, [{ userId: 'ada' }]);
  expect(await saveBroadcast(pool, workspace, broadcastOf('digest', weekly))).toMatchObject({
    state: 'scheduled',
  });
  await decidedUntil('2031-06-01T00:00:00Z');
  const clock = new Clock('2031-06-02T07:00:00Z');
  const two = [scheduler(pool, clock), scheduler(pool, clock)];
  await settle(...two);
  await addPeople(pool, [{ userId: 'bob' }]);
  // A clock that is put back launches nothing again.
  clock.set('2031-06-02T06:00:00Z');
  await settle(...two);
  clock.set('2031-06-09T07:00:00Z');
  await settle(...two);
  expect(await recipients()).toEqual([
    '2031-06-02T07:00:00.000Z ada',
    '2031-06-09T07:00:00.000Z ada',
    '2031-06-09T07:00:00.000Z bob',
  ]);
  expect((await listSchedules(pool, workspace))[0]).toMatchObject({
    kind: 'broadcast',
    key: 'digest',
    plan: { type: 'schedule', cron: '0 9 * * 1' },
    runs: [{ state: 'done', launched: { matched: 2, to_send: 2 } }, { launched: { matched: 1, to_send: 1 } }],
  });
});

test('a launch that was made before its run could be noted is found again, not made twice', async () => {
  await addPeople(pool, [{ userId: 'ada' }]);
  await saveBroadcast(pool, workspace, broadcastOf('digest', weekly));
  await decidedUntil('2031-06-01T00:00:00Z');
  // What a scheduler leaves that is killed between the two.
  await launchBroadcast(pool, workspace, 'digest', { run: '2031-06-02T07:00:00.000Z' });
  await settle(scheduler(pool, new Clock('2031-06-02T07:00:00Z')));
  expect(await recipients()).toHaveLength(1);
  expect(await runs(pool)).toEqual(['digest 2031-06-02 07:00 done {"matched": 1, "to_send": 1}']);
});

test('paused, it launches nothing and what it missed is skipped; an audience of nobody is no launch; deleted, it is over', async () => {
  await saveBroadcast(pool, workspace, broadcastOf('digest', weekly));
  await decidedUntil('2031-06-01T00:00:00Z');
  const clock = new Clock('2031-06-02T07:00:00Z');
  const round = scheduler(pool, clock);
  await settle(round);
  expect(await runs(pool)).toEqual(['digest 2031-06-02 07:00 stopped broadcast_empty_audience']);
  await addPeople(pool, [{ userId: 'ada' }]);
  expect(await pauseBroadcast(pool, workspace, 'digest')).toMatchObject({ state: 'paused' });
  await decidedUntil('2031-06-03T00:00:00Z');
  clock.set('2031-06-09T07:00:00Z');
  await settle(round);
  expect(await resumeBroadcast(pool, workspace, 'digest')).toMatchObject({ state: 'scheduled' });
  await pool.query(`UPDATE schedules SET resumed_at = '2031-06-10', decided_until = '2031-06-09T07:00:00Z'`);
  clock.set('2031-06-16T07:00:00Z');
  await settle(round);
  expect(await skips(pool)).toEqual(['digest 2031-06-09 07:00 2031-06-09 07:00 1 paused']);
  expect(await recipients()).toEqual(['2031-06-16T07:00:00.000Z ada']);
  await deleteBroadcast(pool, workspace, 'digest', { force: true });
  clock.set('2031-06-23T07:00:00Z');
  await settle(round);
  expect(await recipients()).toHaveLength(1);
  expect(await getBroadcast(pool, workspace, 'digest')).toMatchObject({ state: 'archived' });
});

test('its schedule is checked with the rest, may be changed after a run, and a launch besides needs a name of its own', async () => {
  const bad = broadcastOf('digest', {
    schedule: { cron: '0 25 * * *', zone: 'Middle/Earth', catch_up: 'some' },
  });
  expect(await refusal(saveBroadcast(pool, workspace, bad))).toEqual([
    ['bad_schedule', '/schedule/cron'],
    ['bad_zone', '/schedule/zone'],
    ['broadcast_expected', '/schedule/catch_up'],
  ]);
  await addPeople(pool, [{ userId: 'ada' }]);
  await saveBroadcast(pool, workspace, broadcastOf('digest', weekly));
  await decidedUntil('2031-06-01T00:00:00Z');
  await settle(scheduler(pool, new Clock('2031-06-02T07:00:00Z')));
  expect(await refusal(launchBroadcast(pool, workspace, 'digest'))).toEqual([['broadcast_recurs', '']]);
  await launchBroadcast(pool, workspace, 'digest', { run: 'by-hand-1' });
  await saveBroadcast(
    pool,
    workspace,
    broadcastOf('digest', { schedule: { cron: '0 10 * * 1', zone: 'UTC' } }),
  );
  expect((await listSchedules(pool, workspace))[0]).toMatchObject({
    plan: { cron: '0 10 * * 1', zone: 'UTC' },
  });
  await saveBroadcast(pool, workspace, broadcastOf('digest'));
  expect(await listSchedules(pool, workspace)).toEqual([]);
});
