import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import {
  listEnrollments,
  moveToVersion,
  removeFromSeries,
  saveSeries,
  storyOf,
} from '../../src/automation/index.js';
import type { Channel } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { claimWork } from '../../src/automation/work/claim.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import { suppress } from '../../src/traits/index.js';
import { days, dueIn, intake, one, pass, send, standing, stepsOf } from './inside.js';
import {
  identifyMany,
  identifyNew,
  recorder,
  until,
  useAutomation,
  workspace,
  workStates,
} from './support.js';

const fixture = useAutomation();
const pause = (length: number): object => ({ type: 'wait', key: 'pause', for: days(length) });

test('people keep the version they entered, until they are moved: then a wait has its new length from the arrival on', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause(10), send('old')]));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyNew(pool, 'ada');
  await automation.idle();
  await pass(pool, '3 days');
  await saveSeries(pool, workspace, stepsOf('one', [pause(5), send('new')]));
  await automation.idle();
  expect(await dueIn(pool)).toBeGreaterThan(6 * 86_400);
  expect(await moveToVersion(pool, workspace, 'one')).toEqual({ version: 2, moved: 1, left: 0 });
  await automation.idle();
  const left = await dueIn(pool);
  expect(left).toBeGreaterThan(1.9 * 86_400);
  expect(left).toBeLessThan(2.1 * 86_400);
  expect(await moveToVersion(pool, workspace, 'one')).toMatchObject({ moved: 0 });
  // Back again, by naming the version.
  expect(await moveToVersion(pool, workspace, 'one', 1)).toEqual({ version: 1, moved: 1, left: 0 });
  await pass(pool, '7 days');
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['old']);
});

test('people are not moved to a version that lacks their step, and nobody else is either', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause(1), send('a'), send('b')]));
  await identifyMany(pool, 'p', 3);
  await takeIn(pool, intake);
  await pool.query(`UPDATE enrollments SET step = 'b' WHERE id = (SELECT min(id) FROM enrollments)`);
  await saveSeries(pool, workspace, stepsOf('one', [{ ...pause(1), key: 'rest' }, send('b')]));
  await expect(moveToVersion(pool, workspace, 'one')).rejects.toMatchObject({
    code: 'series_step_gone',
    problems: [{ message: expect.stringContaining('2 people stand at the step `pause`') as unknown }],
  });
  const { rows } = await pool.query('SELECT DISTINCT version FROM enrollments');
  expect(rows).toEqual([{ version: 1 }]);
  await expect(moveToVersion(pool, workspace, 'one', 9)).rejects.toMatchObject({
    code: 'series_no_such_version',
  });
});

test('a job that is in Redis when its person is moved is not done by the old version', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [send('hello')]));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  const due = { horizon: 2000, limit: 10, after: '' };
  const token = '11111111-1111-4111-8111-111111111111';
  const [old] = await takeDue(pool, due);
  await saveSeries(pool, workspace, stepsOf('one', [send('hello'), send('more')]));
  expect(await moveToVersion(pool, workspace, 'one')).toMatchObject({ moved: 1, left: 0 });
  const [again] = await takeDue(pool, due);
  if (old === undefined || again === undefined) throw new Error('it was due twice');
  expect(await claimWork(pool, [{ ...old, token }], 60_000)).toEqual([null]);
  expect(await claimWork(pool, [{ ...again, token }], 60_000)).toMatchObject([{ version: 2 }]);
});

test('what a worker holds is moved when it lets go', async () => {
  const { pool, start } = fixture();
  const steps = [send('slow'), pause(3), send('after')];
  await saveSeries(pool, workspace, stepsOf('one', steps));
  await identifyNew(pool, 'ada');
  const held = new EventEmitter();
  let sending = false;
  const automation = await start({
    logSink: async () => {
      sending = true;
      await once(held, 'released');
    },
  });
  automation.nudge();
  await until('the send', () => sending);
  await saveSeries(pool, workspace, stepsOf('one', [...steps, send('more')]));
  const moving = moveToVersion(pool, workspace, 'one');
  held.emit('released');
  expect(await moving).toEqual({ version: 2, moved: 1, left: 0 });
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada one active pause']);
  expect(await one(pool, 'SELECT count(*)::integer AS count FROM deliveries')).toEqual({ count: 1 });
});

test('whoever is taken out of a series gets nothing more from it', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause(1), send('late')]));
  for (const userId of ['ada', 'bob']) await identifyNew(pool, userId);
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(await removeFromSeries(pool, workspace, 'one', 'ada')).toEqual({ removed: 1 });
  expect(await removeFromSeries(pool, workspace, 'one', 'ada')).toEqual({ removed: 0 });
  await pass(pool, '1 day');
  await automation.idle();
  expect(lines.map(({ user }) => user)).toEqual(['bob']);
  expect(await standing(pool)).toEqual(['ada one exited removed pause', 'bob one completed end']);
  expect(await workStates(pool)).toEqual({ cancelled: 1, done: 2 });
  await expect(removeFromSeries(pool, workspace, 'one', 'nobody')).rejects.toMatchObject({
    code: 'no_such_user',
  });
});

test('a person taken out while their message is on its way: it arrives, and nothing follows', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [send('first'), send('second')]));
  await identifyNew(pool, 'ada');
  const removing: Channel = {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    deliver: async () => void (await removeFromSeries(pool, workspace, 'one', 'ada')),
  };
  const automation = await start({ channels: [removing] });
  await automation.idle();
  expect(await one(pool, 'SELECT step, state FROM deliveries')).toEqual({
    step: 'first',
    state: 'delivered',
  });
  expect(await workStates(pool)).toEqual({ done: 1 });
  // Nor does their story name a step at which they never stood.
  expect(
    await one(pool, `SELECT array_agg(step || ' ' || what ORDER BY id) AS story FROM enrollment_trail`),
  ).toEqual({ story: ['first arrived', 'first delivered'] });
});

test('the list of enrolments goes page by page through everybody once', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause(1), send('late')]));
  await identifyMany(pool, 'p', 25);
  await takeIn(pool, intake);
  await removeFromSeries(pool, workspace, 'one', 'p7');
  const seen: string[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < 4; pages += 1) {
    const page = await listEnrollments(pool, workspace, 'one', { limit: 10, after });
    seen.push(...page.enrollments.map(({ user_id }) => user_id ?? ''));
    if (page.next === null) break;
    after = page.next;
  }
  expect(seen).toHaveLength(25);
  expect(new Set(seen).size).toBe(25);
  const left = await listEnrollments(pool, workspace, 'one', { state: 'exited' });
  expect(left).toMatchObject({
    enrollments: [{ user_id: 'p7', reason: 'removed', step: null, due_at: null, entry: 1, version: 1 }],
    next: null,
  });
  const { enrollments } = await listEnrollments(pool, workspace, 'one', { state: 'active', limit: 1 });
  expect(enrollments).toMatchObject([{ step: 'pause', due_at: expect.any(Date) as unknown }]);
  await expect(listEnrollments(pool, 'elsewhere', 'one')).rejects.toMatchObject({ code: 'series_not_found' });
});

test('a story tells everything from the trigger to the last delivery, errors and refusals included', async () => {
  const { pool, start } = fixture();
  const onOrder = { trigger: { type: 'event', event: 'order placed' } };
  await saveSeries(
    pool,
    workspace,
    stepsOf('one', [send('hello'), send('mail', 'inbox'), pause(3)], onOrder),
  );
  const { id } = await identifyNew(pool, 'ada');
  const order = () =>
    pool.query(
      `INSERT INTO outbox (workspace_id, kind, end_user_id, payload) VALUES ($1, 'event', $2, '{"event": "order placed"}')`,
      [workspace, id],
    );
  let calls = 0;
  const flaky: Channel = {
    name: 'log',
    onLostConfirmation: 'retry_same_key',
    deliver: async () => {
      calls += 1;
      if (calls === 1) throw new Error('the provider is down');
    },
  };
  const automation = await start({ channels: [flaky] });
  await order();
  await until('the end', async () => (await standing(pool))[0] === 'ada one active pause');
  await order();
  await automation.idle();
  await suppress(pool, { workspaceId: workspace, userId: 'ada' });
  const at: unknown = expect.any(Date);
  const step = (name: string, visit: number, what: string): unknown => ({
    step: name,
    visit,
    what,
    detail: null,
    at,
  });
  expect(await storyOf(pool, workspace, 'one', 'ada')).toEqual({
    user_id: 'ada',
    series: 'one',
    last_contacted_at: at,
    suppressed: true,
    entries: [
      {
        enrollment: expect.any(String) as unknown,
        version: 1,
        happening: { kind: 'event', name: 'order placed', at },
        entered_at: at,
        state: 'active',
        reason: null,
        finished_at: null,
        next: {
          step: 'pause',
          visit: 3,
          since: at,
          state: 'pending',
          due_at: at,
          listening: true,
          attempts: 0,
          error: null,
        },
        trail: [
          step('hello', 1, 'arrived'),
          step('hello', 1, 'delivered'),
          step('mail', 2, 'arrived'),
          step('mail', 2, 'delivered'),
          step('pause', 3, 'arrived'),
        ],
        deliveries: [
          expect.objectContaining({
            step: 'hello',
            channel: 'log',
            state: 'delivered',
            attempts: 2,
            error: null,
          }),
          expect.objectContaining({ step: 'mail', channel: 'inbox', state: 'delivered', attempts: 1 }),
        ],
      },
    ],
    refusals: [{ happening: 'event', reason: 'inside', version: 1, at }],
  });
  await expect(storyOf(pool, workspace, 'one', 'nobody')).rejects.toMatchObject({ code: 'no_such_user' });
});

test('with a person goes their trail', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause(1), send('late')]));
  for (const userId of ['ada', 'bob']) await identifyNew(pool, userId);
  await takeIn(pool, intake);
  await pool.query(`DELETE FROM end_users WHERE user_id = 'ada'`);
  expect(await one(pool, 'SELECT count(*)::integer AS count FROM enrollment_trail')).toEqual({ count: 1 });
});
