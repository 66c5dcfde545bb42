import { expect, test } from 'vitest';
import { enrollByHand, pauseSeries, saveSeries } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { suppress, track } from '../../src/traits/index.js';
import { days, intake, pass, send, standing, stepsOf } from './inside.js';
import { identifyMany, identifyNew, recorder, useAutomation, workspace, workStates } from './support.js';

const fixture = useAutomation();
const pause = { type: 'wait', key: 'pause', for: days(3) };
const onOrder = (more: object = {}): object => ({
  trigger: { type: 'event', event: 'order placed', ...more },
});

async function order(userId: string, total = 10): Promise<void> {
  const { pool } = fixture();
  await track(pool, { workspaceId: workspace, userId, event: 'order placed', properties: { total } });
}

async function refusals(): Promise<string[]> {
  const { rows } = await fixture().pool.query<{ line: string }>(
    `SELECT concat_ws(' ', u.user_id, r.happening, r.reason) AS line
     FROM series_decisions r JOIN end_users u ON u.id = r.end_user_id ORDER BY r.id`,
  );
  return rows.map(({ line }) => line);
}

test('an event lets those in who did it, by its name and its properties', async () => {
  const { pool } = fixture();
  const where = { '>': [{ var: 'property:total' }, 100] };
  await saveSeries(pool, workspace, stepsOf('orders', [send('thanks')], onOrder({ where })));
  await order('ada', 500);
  await order('bob', 50);
  await track(pool, {
    workspaceId: workspace,
    userId: 'cy',
    event: 'page viewed',
    properties: { total: 500 },
  });
  expect(await takeIn(pool, intake)).toMatchObject({ rows: 3, entered: 1, failed: 0 });
  expect(await standing(pool)).toEqual(['ada orders active thanks']);
  expect(await refusals()).toEqual(['bob event trigger']);
});

test('every_time lets a person in once for each event, also for several at once and while inside', async () => {
  const { pool } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('orders', [pause, send('thanks')], { ...onOrder(), entry: 'every_time' }),
  );
  for (let times = 0; times < 5; times += 1) await order('ada');
  expect(await takeIn(pool, intake)).toMatchObject({ rows: 5, entered: 5 });
  await order('ada');
  await takeIn(pool, intake);
  const { rows } = await pool.query<{ entry: number }>('SELECT entry FROM enrollments ORDER BY entry');
  expect(rows.map(({ entry }) => entry)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await workStates(pool)).toEqual({ pending: 6 });
});

test('of several intakes at once, every_time loses no event of a person and once lets them in once', async () => {
  const { pool } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('each', [pause, send('a')], { ...onOrder(), entry: 'every_time' }),
  );
  await saveSeries(pool, workspace, stepsOf('first', [pause, send('a')], { ...onOrder(), entry: 'once' }));
  for (let times = 0; times < 24; times += 1) await order('ada');
  const taken = await Promise.all(
    Array.from({ length: 6 }, async () => {
      let rows = 0;
      for (;;) {
        const taking = await takeIn(pool, { ...intake, limit: 2 });
        if (taking.rows === 0) return rows;
        rows += taking.rows;
      }
    }),
  );
  expect(taken.reduce((sum, rows) => sum + rows, 0)).toBe(24);
  const { rows } = await pool.query(
    'SELECT series_key, count(*)::integer AS count FROM enrollments GROUP BY 1 ORDER BY 1',
  );
  expect(rows).toEqual([
    { series_key: 'each', count: 24 },
    { series_key: 'first', count: 1 },
  ]);
});

test('again_after lets nobody in while inside, nor before the time is over', async () => {
  const { pool, start } = fixture();
  const entry = { again_after: days(30) };
  await saveSeries(pool, workspace, stepsOf('orders', [pause, send('thanks')], { ...onOrder(), entry }));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  for (const interval of ['0 days', '1 day', '2 days', '26 days', '1 day']) {
    await pass(pool, interval);
    await automation.idle();
    await order('ada');
    await automation.idle();
  }
  expect(await refusals()).toEqual(['ada event inside', 'ada event too_soon', 'ada event too_soon']);
  expect(lines).toHaveLength(1);
  expect(await standing(pool)).toEqual(['ada orders active pause', 'ada orders completed end']);
});

test('a held out person is let in, counted and never sent anything', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [send('hello')], { holdout: 50 }));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyMany(pool, 'p', 200);
  await automation.idle();
  const { rows } = await pool.query<{ state: string; count: number }>(
    'SELECT state, count(*)::integer AS count FROM enrollments GROUP BY 1 ORDER BY 1',
  );
  const [completed, heldOut] = rows;
  expect([completed?.state, heldOut?.state]).toEqual(['completed', 'held_out']);
  expect((completed?.count ?? 0) + (heldOut?.count ?? 0)).toBe(200);
  expect(lines).toHaveLength(completed?.count ?? 0);
  expect(heldOut?.count).toBeGreaterThan(60);
  expect(await workStates(pool)).toEqual({ done: completed?.count });
});

test('by hand a person enters without the trigger, and by all the rules otherwise', async () => {
  const { pool } = fixture();
  const audience = { '==': [{ var: 'custom:role' }, 'admin'] };
  await saveSeries(pool, workspace, stepsOf('orders', [send('thanks')], { ...onOrder(), audience }));
  for (const [userId, role] of [
    ['ada', 'admin'],
    ['bob', 'reader'],
    ['cy', 'admin'],
  ] as const) {
    await identifyNew(pool, userId, { custom: { role } });
  }
  await suppress(pool, { workspaceId: workspace, userId: 'cy' });
  const enroll = (userId: string) => enrollByHand(pool, workspace, 'orders', userId);
  expect(await enroll('ada')).toMatchObject({ entered: true, state: 'inside' });
  expect(await enroll('ada')).toEqual({ entered: false, reason: 'inside' });
  expect(await enroll('bob')).toEqual({ entered: false, reason: 'audience' });
  expect(await enroll('cy')).toEqual({ entered: false, reason: 'suppressed' });
  expect(await standing(pool)).toEqual(['ada orders active thanks']);
  expect(await refusals()).toEqual(['ada by_hand inside', 'bob by_hand audience', 'cy by_hand suppressed']);
  await expect(enroll('nobody')).rejects.toMatchObject({ code: 'no_such_user' });
  await expect(enrollByHand(pool, workspace, 'nothing', 'ada')).rejects.toMatchObject({
    code: 'series_not_found',
  });
  await expect(enrollByHand(pool, 'elsewhere', 'orders', 'ada')).rejects.toMatchObject({
    code: 'series_not_found',
  });
  await pauseSeries(pool, workspace, 'orders');
  await expect(enroll('ada')).rejects.toMatchObject({ code: 'series_not_active', status: 409 });
});

test('twenty enrolments by hand at once of one person are one', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause, send('thanks')], onOrder()));
  await identifyNew(pool, 'ada');
  const all = await Promise.all(
    Array.from({ length: 20 }, () => enrollByHand(pool, workspace, 'one', 'ada')),
  );
  expect(all.filter(({ entered }) => entered)).toHaveLength(1);
  expect(await standing(pool)).toEqual(['ada one active pause']);
});
