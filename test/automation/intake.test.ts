import { expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { silentLogger } from '../../src/automation/logger.js';
import type { Pool } from '../../src/database/pool.js';
import { identifyMany, identifyNew, seriesOf, useAutomation, workspace } from './support.js';

const fixture = useAutomation();
const intake = { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger };

async function entered(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ entry: string }>(
    `SELECT e.workspace_id || '/' || e.series_key || '/' || u.user_id AS entry
     FROM enrollments e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id ORDER BY 1`,
  );
  return rows.map((row) => row.entry);
}

const forRole = (role: string): object => ({ audience: { '==': [{ var: 'custom:role' }, role] } });

/** Makes every later read of the series' current version fail, as a damaged or much newer definition would. */
async function poison(pool: Pool, key: string): Promise<void> {
  await pool.query(`UPDATE series_versions SET definition = '{"steps": 3}' WHERE series_key = $1`, [key]);
}

test('only people in the audience enter', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('admins', ['log'], forRole('admin')));
  await identifyNew(pool, 'ada', { custom: { role: 'admin' } });
  await identifyNew(pool, 'bob', { custom: { role: 'reader' } });
  await identifyNew(pool, 'eve');
  expect(await takeIn(pool, intake)).toEqual({ rows: 3, entered: 1, failed: 0, woken: 0 });
  expect(await entered(pool)).toEqual(['sample/admins/ada']);
  const { rowCount } = await pool.query('SELECT FROM outbox');
  expect(rowCount).toBe(0);
});

test('a person who matches but did nothing does not enter with somebody else', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  await pool.query(`INSERT INTO end_users (workspace_id, user_id) VALUES ($1, 'idle')`, [workspace]);
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  expect(await entered(pool)).toEqual(['sample/all/ada']);
});

test('the same happening twice lets a person enter once', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  const ada = await identifyNew(pool, 'ada');
  for (let times = 0; times < 2; times += 1) {
    await pool.query(
      `INSERT INTO outbox (workspace_id, kind, end_user_id, user_id) VALUES ($1, 'user_created', $2, 'ada')`,
      [workspace, ada.id],
    );
    await takeIn(pool, intake);
  }
  expect(await entered(pool)).toEqual(['sample/all/ada']);
  const { rowCount } = await pool.query('SELECT FROM work');
  expect(rowCount).toBe(1);
});

test('a series saved later than the happening does not take it', async () => {
  const { pool } = fixture();
  await identifyNew(pool, 'early');
  await pool.query(`UPDATE outbox SET created_at = created_at - interval '1 second'`);
  await saveSeries(pool, workspace, seriesOf('all'));
  await identifyNew(pool, 'late');
  await takeIn(pool, intake);
  expect(await entered(pool)).toEqual(['sample/all/late']);
});

test('another kind of happening starts nothing and leaves the outbox', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  await identifyNew(pool, 'ada');
  await pool.query(`UPDATE outbox SET kind = 'user_updated'`);
  expect(await takeIn(pool, intake)).toEqual({ rows: 1, entered: 0, failed: 0, woken: 0 });
});

test('one workspace never sees another, even with the same keys', async () => {
  const { pool } = fixture();
  await saveSeries(pool, 'here', seriesOf('all'));
  await saveSeries(pool, 'there', seriesOf('all', ['log'], forRole('nobody')));
  await identifyNew(pool, 'ada', { workspaceId: 'here' });
  await identifyNew(pool, 'ada', { workspaceId: 'there' });
  await takeIn(pool, intake);
  expect(await entered(pool)).toEqual(['here/all/ada']);
});

test('a workspace with much to do does not keep the others waiting', async () => {
  const { pool } = fixture();
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) {
    await saveSeries(pool, name, seriesOf('all'));
    await identifyMany(pool, 'p', 50, name);
  }
  await takeIn(pool, { ...intake, limit: 8 });
  const { rows } = await pool.query(
    'SELECT workspace_id, count(*)::integer AS count FROM enrollments GROUP BY 1 ORDER BY 1',
  );
  expect(rows).toEqual(names.map((workspace_id) => ({ workspace_id, count: 2 })));
});

test('a series that fails does not hold up the others, and loses nobody: its share waits for it', async () => {
  const { pool } = fixture();
  for (const key of ['a-fine', 'b-broken', 'c-fine']) await saveSeries(pool, workspace, seriesOf(key));
  await poison(pool, 'b-broken');
  await identifyNew(pool, 'ada');
  await identifyNew(pool, 'bob');
  expect(await takeIn(pool, intake)).toEqual({ rows: 2, entered: 4, failed: 2, woken: 0 });
  expect(await entered(pool)).toEqual([
    'sample/a-fine/ada',
    'sample/a-fine/bob',
    'sample/c-fine/ada',
    'sample/c-fine/bob',
  ]);
  const waiting = async (): Promise<unknown[]> => {
    const { rows } = await pool.query<object>(
      'SELECT user_id, series_key, attempts, parked FROM outbox ORDER BY user_id',
    );
    return rows;
  };
  expect(await waiting()).toEqual([
    { user_id: 'ada', series_key: 'b-broken', attempts: 1, parked: false },
    { user_id: 'bob', series_key: 'b-broken', attempts: 1, parked: false },
  ]);
  await takeIn(pool, intake);
  await takeIn(pool, intake);
  expect(await waiting()).toEqual([
    { user_id: 'ada', series_key: 'b-broken', attempts: 3, parked: true },
    { user_id: 'bob', series_key: 'b-broken', attempts: 3, parked: true },
  ]);
  expect(await takeIn(pool, intake)).toEqual({ rows: 0, entered: 0, failed: 0, woken: 0 });

  await saveSeries(pool, workspace, seriesOf('b-broken', ['inbox']));
  expect(await takeIn(pool, intake)).toEqual({ rows: 2, entered: 2, failed: 0, woken: 0 });
  expect(await waiting()).toEqual([]);
});

test('one person that a series fails on does not keep the others out of it', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  const bad = await identifyNew(pool, 'bad');
  await identifyNew(pool, 'good');
  await pool.query(`ALTER TABLE enrollments ADD CONSTRAINT nobody_bad CHECK (end_user_id <> '${bad.id}')`);
  try {
    expect(await takeIn(pool, intake)).toEqual({ rows: 2, entered: 1, failed: 1, woken: 0 });
  } finally {
    await pool.query('ALTER TABLE enrollments DROP CONSTRAINT nobody_bad');
  }
  expect(await entered(pool)).toEqual(['sample/all/good']);
  const { rows } = await pool.query('SELECT user_id FROM outbox');
  expect(rows).toEqual([{ user_id: 'bad' }]);
});

test('a person deleted before intake does not enter and blocks nothing', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  await identifyNew(pool, 'ada');
  await pool.query('DELETE FROM end_users');
  expect(await takeIn(pool, intake)).toEqual({ rows: 1, entered: 0, failed: 0, woken: 0 });
});

test('several intakes at once take each happening once', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('all'));
  await identifyMany(pool, 'p', 100);
  const taken = await Promise.all(Array.from({ length: 4 }, () => takeIn(pool, { ...intake, limit: 40 })));
  expect(taken.reduce((sum, { rows }) => sum + rows, 0)).toBe(100);
  expect(new Set(await entered(pool)).size).toBe(100);
});
