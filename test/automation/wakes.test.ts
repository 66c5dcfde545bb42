import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { claimWork } from '../../src/automation/work/claim.js';
import type { Claim } from '../../src/automation/work/claim.js';
import { deferWork } from '../../src/automation/work/defer.js';
import { finishWork } from '../../src/automation/work/finish.js';
import type { FinishRequest } from '../../src/automation/work/finish.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import { backfillUser, backfillUsers, identify, track } from '../../src/traits/index.js';
import { days, dueIn, intake, one, send, standing, stepsOf } from './inside.js';
import { recorder, until, useAutomation, workspace } from './support.js';

const fixture = useAutomation();
const due = { horizon: 2000, limit: 1000, after: '' };
const token = '11111111-1111-4111-8111-111111111111';
const inPro = { '==': [{ var: 'custom:plan' }, 'pro'] };
const waiting = { type: 'wait_for', key: 'active', filter: inPro, timeout: days(7) };

const goPro = () =>
  identify(fixture().pool, { workspaceId: workspace, userId: 'ada', traits: { plan: 'pro' } });

async function enterAda(steps: readonly object[], more: object = {}): Promise<void> {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', steps, more));
  await identify(pool, { workspaceId: workspace, userId: 'ada' });
  await takeIn(pool, intake);
}

async function claimAda(): Promise<Claim> {
  const { pool } = fixture();
  const [job] = await takeDue(pool, due);
  if (job === undefined) throw new Error('nothing was due');
  const [claim] = await claimWork(pool, [{ ...job, token }], 60_000);
  if (claim === null || claim === undefined) throw new Error('it was not claimed');
  return claim;
}

/** The move of a worker that saw nobody in the plan. */
function movedTo(step: string, { work, enrollment, pokes, now }: Claim): FinishRequest {
  const place = {
    state: 'active',
    step,
    visit: 2,
    since: now,
    dueAt: now + 86_400_000,
    listens: true,
  } as const;
  return {
    workspace,
    work,
    token,
    enrollment,
    pokes,
    state: 'done',
    error: null,
    delivery: null,
    contact: false,
    to: place,
    trail: [],
  };
}

test('an entry that listens is looked at once more when it is committed: nothing could wake it before', async () => {
  await enterAda([waiting, send('thanks')]);
  expect(await dueIn(fixture().pool)).toBeLessThanOrEqual(0);
});

test('a change between the look of a worker and its move makes the next wait due at once', async () => {
  const { pool } = fixture();
  await enterAda([send('hello'), waiting, send('thanks')]);
  const claim = await claimAda();
  await goPro();
  // The row that is being worked on waits for nothing, and yet the change must not be lost.
  expect(await takeIn(pool, intake)).toMatchObject({ woken: 0 });
  expect(await finishWork(pool, [movedTo('active', claim)])).toEqual([true]);
  expect(await dueIn(pool)).toBeLessThanOrEqual(0);
});

test('without a change the next wait is due in its own time', async () => {
  const { pool } = fixture();
  await enterAda([send('hello'), waiting, send('thanks')]);
  expect(await finishWork(pool, [movedTo('active', await claimAda())])).toEqual([true]);
  expect(await dueIn(pool)).toBeGreaterThan(86_000);
});

test('a change between the look of a worker and its waiting on makes the wait due at once', async () => {
  const { pool } = fixture();
  await enterAda([waiting, send('thanks')]);
  const claim = await claimAda();
  await goPro();
  await takeIn(pool, intake);
  const { work, enrollment, pokes, now } = claim;
  const request = {
    workspace,
    work,
    token,
    enrollment,
    pokes,
    dueAt: now + 86_400_000,
    listens: true,
    trail: [],
  };
  expect(await deferWork(pool, [request])).toEqual([true]);
  expect(await dueIn(pool)).toBeLessThanOrEqual(0);
});

test('a change that is taken in while a move is being committed waits for it, and wakes what it made', async () => {
  const { pool } = fixture();
  await enterAda([send('hello'), waiting, send('thanks')]);
  const claim = await claimAda();
  await goPro();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    expect(await finishWork(client, [movedTo('active', claim)])).toEqual([true]);
    const taking = takeIn(pool, intake);
    await until('the intake to wait for the move', async () => {
      const { rows } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length === 1;
    });
    await client.query('COMMIT');
    expect(await taking).toMatchObject({ rows: 1, woken: 1 });
  } finally {
    client.release();
  }
  expect(await dueIn(pool)).toBeLessThanOrEqual(0);
});

test('only what the series asks about wakes somebody who waits in it', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [waiting, send('thanks')]));
  const automation = await start();
  await identify(pool, { workspaceId: workspace, userId: 'ada' });
  await automation.idle();
  await automation.stop();
  await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { colour: 'red' } });
  await track(pool, { workspaceId: workspace, userId: 'ada', event: 'page viewed' });
  expect(await takeIn(pool, intake)).toMatchObject({ rows: 2, woken: 0 });
  await goPro();
  expect(await takeIn(pool, intake)).toMatchObject({ rows: 1, woken: 1 });
});

test('an exit filter takes a person out as soon as the data say so, in the middle of a wait', async () => {
  const { pool, start } = fixture();
  const { lines, sink } = recorder();
  await saveSeries(
    pool,
    workspace,
    stepsOf('one', [{ type: 'wait', key: 'pause', for: days(3) }, send('buy')], { exit: inPro }),
  );
  const automation = await start({ logSink: sink });
  await identify(pool, { workspaceId: workspace, userId: 'ada' });
  await automation.idle();
  await goPro();
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada one exited exit_filter']);
  expect(await one(pool, `SELECT state FROM work`)).toEqual({ state: 'done' });
  expect(lines).toEqual([]);
});

test('the goal completes, also where the exit filter holds at the same moment', async () => {
  const { pool, start } = fixture();
  await saveSeries(
    pool,
    workspace,
    stepsOf('one', [{ type: 'wait', key: 'pause', for: days(3) }, send('buy')], {
      exit: inPro,
      goal: inPro,
    }),
  );
  const automation = await start();
  await identify(pool, { workspaceId: workspace, userId: 'ada' });
  await automation.idle();
  await goPro();
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada one completed goal']);
});

const offWaiting = {
  type: 'wait_for',
  key: 'left',
  filter: { missing: { var: 'custom:plan' } },
  timeout: days(7),
};

test.each([
  ['a backfill', { plan: 'pro' }, waiting],
  ['a backfill that removes a trait', { plan: null }, offWaiting],
])('%s wakes whoever waits for it, though it is no visit', async (_, traits, step) => {
  const { pool, start } = fixture();
  const { lines, sink } = recorder();
  await saveSeries(pool, workspace, stepsOf('one', [step, send('now')]));
  await identify(pool, { workspaceId: workspace, userId: 'ada', traits: { plan: 'free' } });
  const automation = await start({ logSink: sink });
  await automation.idle();
  expect(lines).toEqual([]);
  await backfillUser(pool, { workspaceId: workspace, userId: 'ada', traits });
  automation.nudge();
  await until('the message', () => lines.length === 1);
});

test('an update of many wakes whoever waits, and nothing is told of people whom no series holds', async () => {
  const { pool } = fixture();
  await enterAda([waiting, send('now')]);
  const users = ['ada', 'bob'].map((userId) => ({ user_id: userId, traits: { plan: 'basic', 'a/b': 1 } }));
  await backfillUsers(pool, { workspaceId: workspace, users });
  await backfillUsers(pool, { workspaceId: workspace, users });
  await backfillUsers(pool, {
    workspaceId: workspace,
    users: users.map(({ user_id }) => ({ user_id, traits: { plan: 'pro' } })),
  });
  const { rows } = await pool.query('SELECT kind, user_id, payload FROM outbox ORDER BY id');
  expect(rows).toEqual([
    { kind: 'user_updated', user_id: 'ada', payload: { fields: ['custom:a/b', 'custom:plan'] } },
    { kind: 'user_updated', user_id: 'ada', payload: { fields: ['custom:plan'] } },
  ]);
});
