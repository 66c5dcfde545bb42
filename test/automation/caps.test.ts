import { expect, test } from 'vitest';
import { saveSeries, setWorkspaceCaps } from '../../src/automation/index.js';
import { capSince } from '../../src/automation/series/cap-since.js';
import { momentOf } from '../../src/filter/time.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { beginDeliveries } from '../../src/automation/work/begin-delivery.js';
import { claimWork } from '../../src/automation/work/claim.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import { suppress } from '../../src/traits/index.js';
import { days, intake, one, pass, send, standing, stepsOf, trailOf } from './inside.js';
import { identifyMany, identifyNew, recorder, until, useAutomation, workspace } from './support.js';

const fixture = useAutomation();
const capped = { frequency_caps: [{ messages: 2, per: days(7) }] };
const token = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

test('six series for one person at once, each with a cap of two: two messages', async () => {
  const { pool, start } = fixture();
  for (let index = 1; index <= 6; index += 1) {
    await saveSeries(pool, workspace, stepsOf(`s${index}`, [send('hello')], capped));
  }
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await identifyMany(pool, 'p', 20);
  await automation.idle();
  const counts = new Map<string | null, number>();
  for (const { user } of lines) counts.set(user, (counts.get(user) ?? 0) + 1);
  expect([...counts.values()]).toEqual(Array.from({ length: 20 }, () => 2));
  const trail = await trailOf(pool, 'p1');
  expect(trail.filter((line) => line === 'hello capped 2 per 7 days')).toHaveLength(4);
  expect(trail).toContain('hello delivered');
});

test('two deliveries that begin at the same time do not both have the last place', async () => {
  const { pool } = fixture();
  for (const key of ['a', 'b', 'c', 'd']) await saveSeries(pool, workspace, stepsOf(key, [send('hello')]));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  const jobs = await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  const claims = await claimWork(
    pool,
    jobs.map((job, index) => ({ ...job, token: token(index) })),
    60_000,
  );
  const requests = claims.flatMap((claim) =>
    claim === null
      ? []
      : [
          {
            ...claim,
            kind: 'send' as const,
            channel: 'log',
            message: { title: null, text: 'hello' },
            caps: [{ messages: 1, since: claim.now - 86_400_000 }],
          },
        ],
  );
  expect(requests).toHaveLength(4);
  // Two batches of two, as two workers would have them.
  const begun = await Promise.all([
    beginDeliveries(pool, requests.slice(0, 2)),
    beginDeliveries(pool, requests.slice(2)),
  ]);
  expect(
    begun
      .flat()
      .map(({ verdict }) => verdict)
      .toSorted(),
  ).toEqual(['capped', 'capped', 'capped', 'send']);
});

test('whoever counts waits for everybody who is beginning a delivery to the same person, and counts theirs', async () => {
  const { pool } = fixture();
  for (const key of ['a', 'b']) await saveSeries(pool, workspace, stepsOf(key, [send('hello')]));
  const { id } = await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  const jobs = await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  const claims = await claimWork(
    pool,
    jobs.map((job, index) => ({ ...job, token: token(index) })),
    60_000,
  );
  const [first, second] = claims;
  if (!first || !second) throw new Error('both were claimed');
  const message = { title: null, text: 'hello' };
  const request = {
    ...first,
    kind: 'send',
    channel: 'log',
    message,
    caps: [{ messages: 1, since: 0 }],
  } as const;
  const other = await pool.connect();
  try {
    await other.query(`SELECT pg_advisory_lock(731684, hashtext($1))`, [`${workspace} ${id}`]);
    const beginning = beginDeliveries(pool, [request]);
    await until('the other to wait', async () => {
      const { rows } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
      );
      return rows.length === 1;
    });
    expect(await beginDeliveries(pool, [{ ...request, ...second, caps: [] }])).toMatchObject([
      { verdict: 'send' },
    ]);
    await other.query('SELECT pg_advisory_unlock_all()');
    expect(await beginning).toEqual([{ verdict: 'capped' }]);
  } finally {
    other.release();
  }
});

test('a cap counts the messages of other series, and those of its length of time only', async () => {
  const { pool, start } = fixture();
  const onOrder = { trigger: { type: 'event', event: 'order placed' }, entry: 'every_time' };
  await saveSeries(pool, workspace, stepsOf('free', [send('hello'), send('again')]));
  await saveSeries(pool, workspace, stepsOf('capped', [send('more')], { ...onOrder, ...capped }));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  const { id } = await identifyNew(pool, 'ada');
  const order = async (): Promise<void> => {
    await pool.query(
      `INSERT INTO outbox (workspace_id, kind, end_user_id, payload) VALUES ($1, 'event', $2, '{"event": "order placed"}')`,
      [workspace, id],
    );
    await automation.idle();
  };
  await automation.idle();
  await order();
  expect(lines.map(({ step }) => step)).toEqual(['hello', 'again']);
  await pass(pool, '7 days');
  await order();
  expect(lines.map(({ step }) => step)).toEqual(['hello', 'again', 'more']);
});

test('suppressed between the claim and the send: nothing is sent, and the person leaves', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [send('first'), send('second')]));
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  const [job] = await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  if (job === undefined) throw new Error('nothing was due');
  const [claim] = await claimWork(pool, [{ ...job, token: token(1) }], 60_000);
  if (claim === null || claim === undefined) throw new Error('it was not claimed');
  expect(claim.suppressed).toBe(false);
  await suppress(pool, { workspaceId: workspace, userId: 'ada' });
  const message = { title: null, text: 'hello' };
  expect(
    await beginDeliveries(pool, [{ ...claim, kind: 'send', channel: 'log', message, caps: [] }]),
  ).toEqual([{ verdict: 'suppressed' }]);
  expect(await one(pool, 'SELECT count(*)::integer AS count FROM deliveries')).toEqual({ count: 0 });
  await pool.query(`UPDATE work SET lease_until = now() - interval '1 second'`);
  const automation = await start({ sweepEvery: 20 });
  await automation.idle();
  expect(await standing(pool)).toEqual(['ada one exited suppressed']);
});

test("a cap of the workspace holds over all series, in the person's calendar days, whoever has caps of their own or none", async () => {
  const { pool, start } = fixture();
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspace,
  ]);
  await setWorkspaceCaps(pool, workspace, [{ messages: 2, days: 1 }]);
  const onOrder = { trigger: { type: 'event', event: 'order placed' }, entry: 'every_time' };
  await saveSeries(pool, workspace, stepsOf('free', [send('one'), send('two'), send('three')]));
  await saveSeries(pool, workspace, stepsOf('other', [send('more')], { ...onOrder, ...capped }));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  const { id } = await identifyNew(pool, 'ada');
  const order = async (): Promise<void> => {
    await pool.query(
      `INSERT INTO outbox (workspace_id, kind, end_user_id, payload) VALUES ($1, 'event', $2, '{"event": "order placed"}')`,
      [workspace, id],
    );
    await automation.idle();
  };
  await automation.idle();
  await order();
  expect(lines.map(({ step }) => step)).toEqual(['one', 'two']);
  expect(await trailOf(pool, 'ada')).toEqual(
    expect.arrayContaining(['three capped 2 per day', 'more capped 2 per 7 days']),
  );
  // A day later these two are of yesterday; the series' own cap of two in seven days still counts them.
  await pass(pool, '1 day');
  await setWorkspaceCaps(pool, workspace, [{ messages: 3, days: 2 }]);
  await saveSeries(pool, workspace, stepsOf('other', [send('more')], onOrder));
  await order();
  await order();
  expect(lines.map(({ step }) => step)).toEqual(['one', 'two', 'more']);
  await setWorkspaceCaps(pool, workspace, []);
  await order();
  expect(lines).toHaveLength(4);
});

test.each([
  // At half past midnight in Berlin the day is half an hour old, and yesterday is another one.
  ['2026-06-10T22:30:00Z', 1, '2026-06-10T22:00:00Z'],
  ['2026-06-10T22:30:00Z', 7, '2026-06-04T22:00:00Z'],
  // A day of 23 hours.
  ['2026-03-29T10:00:00Z', 1, '2026-03-28T23:00:00Z'],
  ['2026-03-30T10:00:00Z', 2, '2026-03-28T23:00:00Z'],
])('at %s a cap of %d days counts from %s on', (now, amount, first) => {
  const cap = { messages: 1, per: { amount, unit: 'days' }, byCalendar: true } as const;
  expect(capSince(cap, momentOf(now, 'Europe/Berlin')) + 1).toBe(Date.parse(first));
});

test('caps of the workspace are checked whole', async () => {
  const { pool } = fixture();
  const input = [{ messages: 0, days: 400 }, { messages: 1, days: 1, per: 'week' }, 3];
  await expect(setWorkspaceCaps(pool, workspace, input)).rejects.toMatchObject({
    problems: ['/caps/0/messages', '/caps/0/days', '/caps/1/per', '/caps/2'].map((path) => ({ path })),
  });
});
