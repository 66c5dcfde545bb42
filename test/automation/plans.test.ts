import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { checkIncarnation } from '../../src/automation/redis/incarnation.js';
import { beginDeliveries } from '../../src/automation/work/begin-delivery.js';
import { claimWork } from '../../src/automation/work/claim.js';
import { finishWork } from '../../src/automation/work/finish.js';
import { renewLeases } from '../../src/automation/work/give-back.js';
import { sweepWork } from '../../src/automation/work/sweep.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import { openPool } from '../../src/database/pool.js';
import { identifyMany, seriesOf, useAutomation } from './support.js';

const fixture = useAutomation();

function token(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

test('with much behind it and many inside, no round of the queue reads a whole table or all who are inside', async () => {
  const { pool: shared, databaseUrl } = fixture();
  for (const name of ['a', 'b']) await saveSeries(shared, name, seriesOf('one'));
  // 40,000 steps done long ago, then 20 people to be taken in.
  for (const name of ['a', 'b']) {
    await shared.query(
      `WITH person AS (
         INSERT INTO end_users (workspace_id, user_id) SELECT $1, 'old-' || n FROM generate_series(1, 20000) n RETURNING id
       ),
       entered AS (
         INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, state)
         SELECT $1, 'one', 1, id, 'completed' FROM person RETURNING id
       )
       INSERT INTO work (workspace_id, series_key, enrollment_id, step, due_at, state, epoch)
       SELECT $1, 'one', id, 'step-1', now(), 'done', 1 FROM entered`,
      [name],
    );
  }
  await shared.query('VACUUM ANALYZE end_users, enrollments, work, deliveries, outbox');
  // All of one workspace are inside now and wait, which the statistics do not know: to them nobody is.
  await shared.query(`UPDATE enrollments SET state = 'active', step = 'step-1' WHERE workspace_id = 'a'`);
  await shared.query(
    `UPDATE work SET state = 'pending', due_at = now() + interval '30 days', listening = true WHERE workspace_id = 'a'`,
  );
  await identifyMany(shared, 'new-', 20, 'a');

  // One connection, so that its own counts can be flushed before they are read.
  const pool = await openPool(databaseUrl, { max: 1 });
  try {
    const read = async (): Promise<unknown> => {
      await pool.query('SELECT pg_stat_force_next_flush()');
      await pool.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await pool.query<object>(
        `SELECT relname, seq_scan FROM pg_stat_user_tables
         WHERE relname IN ('work', 'enrollments', 'end_users') ORDER BY relname`,
      );
      return rows;
    };
    const insideRead = async (): Promise<number> => {
      const { rows } = await pool.query<{ read: string }>(
        `SELECT sum(idx_tup_read) AS read FROM pg_stat_user_indexes WHERE relname IN ('work', 'enrollments')`,
      );
      return Number(rows[0]?.read ?? 0);
    };
    const before = await read();
    const insideBefore = await insideRead();
    await takeIn(pool, { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger });
    const jobs = await takeDue(pool, { horizon: 2000, limit: 1000, after: '' });
    expect(jobs).toHaveLength(20);
    const claims = await claimWork(
      pool,
      jobs.map((job, index) => ({ ...job, token: token(index) })),
      60_000,
    );
    const held = claims.flatMap((claim) => (claim === null ? [] : [claim]));
    expect(held).toHaveLength(20);
    await renewLeases(pool, held, 60_000);
    await beginDeliveries(
      pool,
      held.map((claim, index) => {
        const message = { title: null, text: 'x' };
        const caps = index % 2 === 0 ? [] : [{ messages: 3, since: 0 }];
        return { ...claim, kind: 'send', channel: 'log', message, caps };
      }),
    );
    const finished = await finishWork(
      pool,
      held.map((claim) => ({
        ...claim,
        state: 'done' as const,
        error: null,
        delivery: 'delivered' as const,
        contact: true,
        to: { state: 'completed' as const, reason: 'end' },
        trail: [],
      })),
    );
    expect(finished.every(Boolean)).toBe(true);
    await sweepWork(pool, { parking: [], enqueuedFor: 60_000 });
    await checkIncarnation(pool, { get: async () => null, set: async () => undefined }, 'plans');
    const { rows: told } = await pool.query(
      `INSERT INTO outbox (workspace_id, kind, end_user_id, payload)
       SELECT 'a', 'user_updated', id, '{"fields": ["custom:timezone"]}' FROM end_users
       WHERE workspace_id = 'a' AND user_id = ANY ($1) RETURNING id`,
      [Array.from({ length: 20 }, (_, index) => `old-${index + 1}`)],
    );
    expect(told).toHaveLength(20);
    const taken = await takeIn(pool, { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger });
    expect(taken).toMatchObject({ rows: 20, woken: 20 });
    expect(await read()).toEqual(before);
    expect((await insideRead()) - insideBefore).toBeLessThan(10_000);
  } finally {
    await pool.end();
  }
});
