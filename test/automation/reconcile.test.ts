import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { readInvariants } from '../../src/automation/reconcile/invariants.js';
import { reconcileRound } from '../../src/automation/reconcile/round.js';
import { reconciler } from '../../src/automation/reconcile/walk.js';
import { days, intake, one, pass, send, standing, stepsOf } from './inside.js';
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
const pause = { type: 'wait', key: 'pause', for: days(3) };

test('somebody inside for whom nothing is planned any more goes on from where they stand', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause, send('late')]));
  await identifyMany(pool, 'p', 12);
  await takeIn(pool, intake);
  await pool.query('DELETE FROM work WHERE id % 3 = 0');
  await pool.query(`UPDATE work SET state = 'done', finished_at = now() WHERE id % 3 = 1`);
  const { rows } = await pool.query(`SELECT FROM work WHERE state = 'pending'`);
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink, reconcileEvery: 20 });
  await until('everybody to have work', async () => (await workStates(pool))['pending'] === 12);
  await automation.idle();
  expect(rows).toHaveLength(4);
  expect(lines).toEqual([]);
  await pass(pool, '3 days');
  await automation.idle();
  expect(new Set(lines.map(({ user }) => user)).size).toBe(12);
  expect(lines).toHaveLength(12);
});

test('a message that had arrived is not sent again when its step is taken up again', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [send('hello'), pause]));
  await identifyNew(pool, 'ada');
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink, reconcileEvery: 20 });
  await automation.idle();
  // As if the move after the delivery had been lost.
  await pool.query(`DELETE FROM work WHERE step = 'pause'`);
  await pool.query(`UPDATE enrollments SET step = 'hello', visit = 1`);
  await until('the wait to be there again', async () => (await standing(pool))[0] === 'ada one active pause');
  await automation.idle();
  expect(lines).toHaveLength(1);
  expect(await one(pool, 'SELECT state, attempts FROM deliveries')).toEqual({
    state: 'delivered',
    attempts: 1,
  });
});

test('the walk leaves alone what is planned, parked or over, and comes round in stretches', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, stepsOf('one', [pause, send('late')]));
  await identifyMany(pool, 'p', 25);
  await takeIn(pool, intake);
  await pool.query(`UPDATE work SET state = 'unknown' WHERE id % 5 = 0`);
  await pool.query(`UPDATE enrollments SET state = 'completed' WHERE id % 7 = 0`);
  const before = await workStates(pool);
  const walk = reconciler(pool, 10);
  const rounds: boolean[] = [];
  for (let stretch = 0; stretch < 6; stretch += 1) {
    const { stranded, undelivered, round } = await walk();
    expect({ stranded, undelivered }).toEqual({ stranded: 0, undelivered: 0 });
    rounds.push(round);
  }
  expect(rounds).toEqual([false, false, true, false, false, true]);
  expect(await workStates(pool)).toEqual(before);
  await pool.query('DELETE FROM work');
  const found = [await walk(), await walk(), await walk()].map(({ stranded }) => stranded);
  expect(found.reduce((sum, count) => sum + count, 0)).toBe(
    (
      await one<{ count: number }>(
        pool,
        `SELECT count(*)::integer AS count FROM enrollments WHERE state = 'active'`,
      )
    ).count,
  );
});

test('the figures tell what waits, what hangs and what was given up', async () => {
  const { pool } = fixture();
  expect(await readInvariants(pool, 1000)).toEqual({
    oldestDueMs: null,
    enqueuedTooLong: 0,
    claimedPastLease: 0,
    failed: 0,
    unknown: 0,
    chunksOpen: 0,
    outboxDepth: 0,
    outboxOldestMs: null,
    outboxParked: 0,
    scheduleOverdueMs: null,
    oldestRunMs: null,
    runsFailed: 0,
    seriesSilent: 0,
  });
  for (const name of ['a', 'b']) await saveSeries(pool, name, stepsOf('one', [send('hello')]));
  await identifyMany(pool, 'p', 5, 'a');
  await identifyMany(pool, 'p', 5, 'b');
  await takeIn(pool, intake);
  const ids = await pool.query<{ id: string }>('SELECT id FROM work ORDER BY id');
  const set = (place: number, text: string) =>
    pool.query(`UPDATE work SET ${text} WHERE id = $1`, [ids.rows[place]?.id]);
  await set(0, `state = 'enqueued', enqueued_at = now() - interval '1 minute'`);
  await set(1, `state = 'claimed', token = gen_random_uuid(), lease_until = now() - interval '1 second'`);
  await set(2, `state = 'failed'`);
  await set(3, `state = 'unknown'`);
  await set(4, `due_at = now() - interval '1 hour'`);
  await set(5, `due_at = now() - interval '2 hours'`);
  await set(6, `due_at = now() + interval '2 hours'`);
  await identifyMany(pool, 'q', 3, 'b');
  await pool.query(`UPDATE outbox SET created_at = created_at - interval '1 minute' WHERE user_id = 'q1'`);
  await pool.query(`UPDATE outbox SET parked = true WHERE user_id = 'q2'`);
  const figures = await readInvariants(pool, 1000);
  expect(figures).toMatchObject({
    enqueuedTooLong: 1,
    claimedPastLease: 1,
    failed: 1,
    unknown: 1,
    outboxDepth: 2,
    outboxParked: 1,
  });
  expect(Math.round((figures.oldestDueMs ?? 0) / 60_000)).toBe(120);
  expect(Math.round((figures.outboxOldestMs ?? 0) / 1000)).toBeGreaterThanOrEqual(60);
});

test('refusals at the entrance are kept for 30 days', async () => {
  const { pool } = fixture();
  const nobody = { audience: { '==': [{ var: 'custom:role' }, 'admin'] } };
  await saveSeries(pool, workspace, stepsOf('one', [send('hello')], nobody));
  await identifyMany(pool, 'p', 2);
  await takeIn(pool, intake);
  await pool.query(
    `UPDATE series_decisions SET decided_at = now() - interval '31 days' WHERE id = (SELECT min(id) FROM series_decisions)`,
  );
  await reconcileRound({ pool, logger: silentLogger, enqueuedFor: 60_000, decisionsKept: 30 })();
  expect(await one(pool, 'SELECT decision, reason FROM series_decisions')).toEqual({
    decision: 'refused',
    reason: 'audience',
  });
});

test('the canary goes the whole way, and stays out where a part of it is missing', async () => {
  const { pool, redis, start } = fixture();
  const automation = await start({ canaryEvery: 50, poll: 20, queue: 'canary' });
  await until('a canary', async () => (await automation.health()).canaryAgeMs !== null);
  const health = await automation.health();
  expect(health.redis).toBe('ok');
  expect(Object.keys(health.loops).toSorted()).toEqual([
    'broadcasts',
    'intake',
    'reconciling',
    'relay',
    'schedules',
    'segments',
    'sweep',
    'zones',
  ]);
  const answered = async (): Promise<number> =>
    Number(
      (await one<{ answered: string }>(pool, 'SELECT canary_answered AS answered FROM redis_incarnations'))
        .answered,
    );
  const before = await answered();
  await until('the next ones', async () => (await answered()) > before + 3);
  // Redis answers, and hands out nothing: a ping would call that healthy.
  const admin = new Redis(redis.url);
  await admin.call('CLIENT', 'PAUSE', 60_000, 'WRITE');
  const stuck = await answered();
  expect(await admin.ping()).toBe('PONG');
  await until('an old canary', async () => ((await automation.health()).canaryAgeMs ?? 0) > 300);
  expect(await answered()).toBeLessThanOrEqual(stuck + 1);
  await admin.call('CLIENT', 'UNPAUSE');
  await until('a fresh canary', async () => (await answered()) > stuck + 1);
  admin.disconnect();
});

test('who entered and left a segment is kept for 90 days', async () => {
  const { pool } = fixture();
  await identifyMany(pool, 'p', 1);
  await pool.query(
    `INSERT INTO segment_turns (workspace_id, end_user_id, segment_key, entered, at)
     SELECT u.workspace_id, u.id, 'key-' || days, true, now() - days * interval '1 day'
     FROM end_users u, unnest(ARRAY[89, 91]) AS days`,
  );
  await reconcileRound({ pool, logger: silentLogger, enqueuedFor: 60_000, decisionsKept: 30 })();
  expect(await one(pool, 'SELECT segment_key FROM segment_turns')).toEqual({ segment_key: 'key-89' });
});
