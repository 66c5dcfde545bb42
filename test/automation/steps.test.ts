import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { identify, track } from '../../src/traits/index.js';
import { days, dueIn, intake, one, pass, send, standing, stepsOf, trailOf } from './inside.js';
import { identifyNew, recorder, until, useAutomation, workspace, workStates } from './support.js';

const fixture = useAutomation();

test('a wait lasts its length from the arrival on, and costs Redis nothing meanwhile', async () => {
  const { pool, start } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('nurture', [send('hello'), { type: 'wait', key: 'pause', for: days(3) }, send('again')]),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyNew(pool, 'ada');
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['hello']);
  expect(await standing(pool)).toEqual(['ada nurture active pause']);
  expect(await workStates(pool)).toEqual({ done: 1, pending: 1 });
  await pass(pool, '2 days 23 hours');
  await automation.idle();
  expect(lines).toHaveLength(1);
  await pass(pool, '1 hour');
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['hello', 'again']);
  expect(await standing(pool)).toEqual(['ada nurture completed end']);
  expect(await trailOf(pool, 'ada')).toEqual([
    'hello arrived',
    'hello delivered',
    'pause arrived',
    'pause waited',
    'again arrived',
    'again delivered',
  ]);
});

test('branch, split and exit take no time and send nothing', async () => {
  const { pool, start } = fixture();
  const admin = { '==': [{ var: 'custom:role' }, 'admin'] };
  await saveSeries(
    pool,
    workspace,
    stepsOf('fork', [
      { type: 'branch', key: 'role', arms: [{ when: admin, to: 'for-admins' }], next: 'half' },
      {
        type: 'split',
        key: 'half',
        arms: [
          { percent: 50, to: 'leave' },
          { percent: 50, to: 'leave' },
        ],
      },
      { type: 'exit', key: 'leave' },
      send('for-admins'),
    ]),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyNew(pool, 'ada', { custom: { role: 'admin' } });
  await identifyNew(pool, 'bob', { custom: { role: 'reader' } });
  await automation.idle();
  expect(lines.map(({ user }) => user)).toEqual(['ada']);
  expect(await standing(pool)).toEqual(['ada fork completed end', 'bob fork exited exit_step']);
  expect(await trailOf(pool, 'bob')).toContain('role took_arm otherwise');
});

test('set_trait writes by the rules of a backfill, in the transaction of the move, and tells the outbox', async () => {
  const { pool, start } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('mark', [
      { type: 'wait', key: 'pause', for: days(1) },
      {
        type: 'set_trait',
        key: 'stage',
        traits: { stage: 'nurtured', plan: null, renewal_status: 'at_risk' },
      },
      send('after'),
    ]),
  );
  const automation = await start();
  await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { plan: 'free', role: 'admin' } });
  await automation.idle();
  const seen = await one(pool, 'SELECT last_seen FROM end_users');
  await automation.stop();
  await pass(pool, '1 day');
  // Nobody takes the outbox in, so that it can be looked at.
  const worker = await start({ poll: 3_600_000 });
  await until('the trait', async () => {
    const { rows } = await pool.query('SELECT FROM end_users WHERE custom_fields @> $1', [
      { stage: 'nurtured' },
    ]);
    return rows.length === 1;
  });
  await worker.idle();
  expect(await one(pool, 'SELECT custom_fields, renewal_status, last_seen FROM end_users')).toEqual({
    custom_fields: { role: 'admin', stage: 'nurtured' },
    renewal_status: 'at_risk',
    ...seen,
  });
  expect(await standing(pool)).toEqual(['ada mark completed end']);
});

test('set_trait on the way in is written with the entry, and read by the branch behind it', async () => {
  const { pool } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('mark', [
      { type: 'set_trait', key: 'stage', traits: { stage: 'new' } },
      {
        type: 'branch',
        key: 'look',
        arms: [{ when: { '==': [{ var: 'custom:stage' }, 'new'] }, to: 'right' }],
        next: 'wrong',
      },
      send('wrong'),
      send('right'),
    ]),
  );
  await identifyNew(pool, 'ada');
  expect(await takeIn(pool, intake)).toMatchObject({ entered: 1, failed: 0 });
  expect(await standing(pool)).toEqual(['ada mark active right']);
  expect(await one(pool, 'SELECT kind, payload FROM outbox')).toEqual({
    kind: 'user_updated',
    payload: { fields: ['custom:stage'] },
  });
  // Told of what it did itself, the series changes nothing more.
  expect(await takeIn(pool, intake)).toMatchObject({ rows: 1, entered: 0 });
});

test('wait_for goes on when the data say so, not at its timeout', async () => {
  const { pool, start } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('activate', [
      {
        type: 'wait_for',
        key: 'active',
        filter: { '==': [{ var: 'custom:plan' }, 'pro'] },
        timeout: days(7),
        on_timeout: 'nudge',
        next: 'thanks',
      },
      send('thanks'),
      { type: 'exit', key: 'over' },
      send('nudge'),
    ]),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  for (const userId of ['ada', 'bob']) await identify(pool, { workspaceId: workspace, userId });
  await automation.idle();
  await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { plan: 'pro' } });
  await automation.idle();
  expect(lines.map(({ user, step }) => [user, step])).toEqual([['ada', 'thanks']]);
  await pass(pool, '7 days');
  await automation.idle();
  expect(lines.map(({ user, step }) => [user, step])).toEqual([
    ['ada', 'thanks'],
    ['bob', 'nudge'],
  ]);
  expect(await trailOf(pool, 'bob')).toContain('active timed_out');
});

test('wait_for an event: what was done before the arrival does not count, what is done after it does', async () => {
  const { pool, start } = fixture();
  const where = { '>': [{ var: 'property:total' }, 100] };
  await saveSeries(
    pool,
    workspace,
    stepsOf('order', [
      { type: 'wait_for', key: 'order', event: 'order placed', where, timeout: days(7) },
      send('thanks'),
    ]),
  );
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  const order = (total: number) =>
    track(pool, { workspaceId: workspace, userId: 'ada', event: 'order placed', properties: { total } });
  await order(500);
  await identify(pool, { workspaceId: workspace, userId: 'ada' });
  await automation.idle();
  await order(50);
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada order active order']);
  await order(500);
  await automation.idle();
  expect(lines.map(({ step }) => step)).toEqual(['thanks']);
});

test('a person whose zone changes is waited for in the new one; no zone is the workspace’s', async () => {
  const { pool, start } = fixture();
  const dueAt = async (zone: string): Promise<number> => {
    await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { timezone: zone } });
    await automation.idle();
    return dueIn(pool);
  };
  const step = { type: 'wait_until_time', key: 'nine', at: '09:00', zone: 'person' };
  await saveSeries(pool, workspace, stepsOf('morning', [step, send('hello')]));
  const automation = await start();
  const honolulu = await dueAt('Pacific/Honolulu');
  const utc = await dueAt('UTC');
  // Nine o'clock comes ten hours later there, or fourteen hours earlier the next day.
  expect([10, 14]).toContain(Math.round(Math.abs(honolulu - utc) / 3600));
  expect(Math.abs((await dueAt('Nowhere/Else')) - utc)).toBeLessThan(60);
});
