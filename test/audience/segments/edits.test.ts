import { beforeAll, expect, it } from 'vitest';
import { diffSegment, editSegment } from '../../../src/audience/segments/diff.js';
import { getSegment, saveSegment } from '../../../src/audience/segments/store.js';
import { saveSeries } from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { momentOf } from '../../../src/filter/time.js';
import { testDatabase } from '../../support/database.js';
import { worldIn } from './world.js';
import type { World } from './world.js';

let pool: Pool;
let world: World;
const noon = '2027-03-01T12:00:00.000Z';
const moment = momentOf(noon);
const role = { var: 'custom:role' };
const roles = (...names: string[]): unknown => ({ in: [role, names] });
const workspaceId = 'edits';

beforeAll(async () => {
  ({ pool } = await testDatabase());
  world = await worldIn(pool, workspaceId, noon);
  // Every tenth an admin, every third of the others an owner, the rest viewers; every second one on a plan.
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, custom_fields)
     SELECT $1, 'u' || n, jsonb_build_object(
       'role', CASE WHEN n % 10 = 0 THEN 'admin' WHEN n % 3 = 0 THEN 'owner' ELSE 'viewer' END, 'plan', n % 2)
     FROM generate_series(1, 600) AS n`,
    [workspaceId],
  );
  await world.save('staff', roles('admin', 'owner'));
  await world.save('guests', { '!': { segment: 'staff' } });
  await world.keep();
  for (const [key, trigger, audience] of [
    ['hello', { type: 'segment_entered', segment: 'staff' }, { '==': [{ var: 'custom:plan' }, 1] }],
    ['come-back', { type: 'segment_entered', segment: 'guests' }, null],
    ['ended', { type: 'segment_left', segment: 'staff' }, null],
  ] as const) {
    await saveSeries(pool, workspaceId, {
      key,
      name: key,
      trigger,
      ...(audience === null ? {} : { audience }),
      steps: [{ type: 'send', key: 'one', channel: 'log', message: { text: 'Hello' } }],
    });
  }
});

it('a diff says who joins and leaves, also around it, and whom each series would take: what saving then does', async () => {
  const filter = roles('admin', 'viewer');
  const diff = await diffSegment(pool, { workspaceId, key: 'staff', filter, moment, sample: 2 });
  expect(diff).toMatchObject({
    key: 'staff',
    members: 420,
    joins: { count: 360, sample: [{ user_id: 'u1' }, { user_id: 'u101' }] },
    leaves: { count: 180 },
    around: [{ key: 'guests', joins: 180, leaves: 360 }],
    series: [
      { key: 'come-back', segment: 'guests', on: 'segment_entered', people: 180 },
      { key: 'ended', segment: 'staff', on: 'segment_left', people: 180 },
      { key: 'hello', segment: 'staff', on: 'segment_entered', people: 200 },
    ],
    messaged: 560,
  });
  expect(await world.told()).toEqual([]);
  await expect(editSegment(pool, workspaceId, { key: 'staff', filter }, { moment })).rejects.toMatchObject({
    code: 'edit_messages_many',
    message: 'saving `staff` would have series take 560 people: 360 would join and 180 would leave',
    details: { messaged: 560 },
  });
  expect((await getSegment(pool, workspaceId, 'staff')).version).toBe(1);
  await editSegment(pool, workspaceId, { key: 'staff', filter }, { moment, confirm: true });
  await world.keep();
  const told = await world.told();
  const count = (beginning: string): number => told.filter((line) => line.startsWith(beginning)).length;
  expect([
    count('entered staff'),
    count('left staff'),
    count('entered guests'),
    count('left guests'),
  ]).toEqual([360, 180, 180, 360]);
});

it('a new segment has nobody to tell, and an edit of few people is not asked about', async () => {
  const diff = await diffSegment(pool, { workspaceId, key: 'fresh', filter: roles('admin'), moment });
  expect(diff).toMatchObject({ members: 60, joins: { count: 0 }, leaves: { count: 0 }, messaged: 0 });
  const few = { or: [roles('admin', 'viewer'), { '==': [{ var: 'user_id' }, 'u3'] }] };
  await editSegment(pool, workspaceId, { key: 'staff', filter: few }, { moment });
  await world.keep();
  expect((await world.told()).toSorted()).toEqual([
    `entered staff u3 at ${noon}`,
    `left guests u3 at ${noon}`,
  ]);
});

it('a segment that starts a series stays tracked, and a series starts by none that is not', async () => {
  const filter = roles('admin');
  const off = { key: 'staff', filter: roles('admin', 'viewer'), tracked: false };
  await expect(saveSegment(pool, workspaceId, off)).rejects.toMatchObject({
    code: 'segment_must_be_tracked',
    path: '/tracked',
  });
  await saveSegment(pool, workspaceId, { key: 'asked', filter, tracked: false });
  const series = {
    key: 'never',
    name: 'Never',
    trigger: { type: 'segment_left', segment: 'asked' },
    steps: [{ type: 'send', key: 'one', channel: 'log', message: { text: 'Hello' } }],
  };
  await expect(saveSeries(pool, workspaceId, series)).rejects.toMatchObject({
    code: 'segment_not_tracked',
    path: '/trigger/segment',
  });
});

it('a segment that waits behind a lock is built later, and not given up', async () => {
  await world.save('waiting', { '==': [role, 'admin'] });
  const impatient = await worldIn(pool, workspaceId, noon, 'UTC', { timeoutMs: 400 });
  const holder = await pool.connect();
  try {
    await holder.query('BEGIN; LOCK TABLE segment_members IN ACCESS EXCLUSIVE MODE');
    await expect(impatient.keep()).rejects.toMatchObject({ code: '55P03' });
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
  expect((await getSegment(pool, workspaceId, 'waiting')).state).toBe('building');
  await world.keep();
  expect((await getSegment(pool, workspaceId, 'waiting')).state).toBe('ready');
});

it('a segment whose times take too long to find is given up with the reason, and the others are kept', async () => {
  const filter = { '<': [{ var: 'custom:due' }, { ago: [1, 'hours'] }] };
  await world.save('due', filter);
  await world.save('rest', { '==': [role, 'nobody'] });
  // As slow as it takes: each look at a time sleeps.
  await pool.query(`CREATE OR REPLACE FUNCTION muster_time(value jsonb) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END $$`);
  const impatient = await worldIn(pool, workspaceId, noon, 'UTC', { timeoutMs: 50 });
  await pool.query(
    `UPDATE end_users SET custom_fields = '{"role": "nobody"}' WHERE workspace_id = $1 AND user_id = 'u1'`,
    [workspaceId],
  );
  await impatient.keep();
  const due = await getSegment(pool, workspaceId, 'due');
  expect([due.state, due.reason]).toEqual([
    'quarantined',
    "finding whose times come to the clock took too long; an index would help: CREATE INDEX CONCURRENTLY ON end_users (workspace_id, muster_time(custom_fields -> 'due'))",
  ]);
  expect((await getSegment(pool, workspaceId, 'rest')).state).toBe('ready');
  expect(Object.keys(await world.members('rest'))).toEqual(['u1']);
});

it('where reading everybody again and again would cost much, a filter is not tracked, and the index is named', async () => {
  await pool.query('DELETE FROM segments WHERE workspace_id = $1', [workspaceId]);
  // As the planner sees it: the same few rows, said to be very many.
  await pool.query('ANALYZE end_users');
  await pool.query(`UPDATE pg_class SET reltuples = 3e6, relpages = 1 WHERE oid = 'end_users'::regclass`);
  const filter = { '<': [{ var: 'first_seen' }, { ago: [1, 'hours'] }] };
  await pool.query('ALTER TABLE end_users SET (autovacuum_enabled = false)');
  const saving = saveSegment(pool, workspaceId, { key: 'early', filter });
  await expect(saving).rejects.toMatchObject({
    code: 'segment_needs_index',
    hint: 'make the index CREATE INDEX CONCURRENTLY ON end_users (workspace_id, first_seen), or save it with "tracked": false',
  });
  await saveSegment(pool, workspaceId, { key: 'early', filter, tracked: false });
});
