import { expect, test } from 'vitest';
import {
  archiveSeries,
  listSilentSeries,
  pauseSeries,
  reportSeries,
  resumeSeries,
  saveSeries,
} from '../../src/automation/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { readInvariants } from '../../src/automation/reconcile/invariants.js';
import { reconcileRound } from '../../src/automation/reconcile/round.js';
import { noteSilence, silenceOf, silenceWords } from '../../src/automation/series/silence.js';
import type { Pool } from '../../src/database/pool.js';
import { inWorkspace } from '../../src/database/workspace.js';
import { out } from '../../src/cli/terminal.js';
import { silentLines } from '../../src/cli/views/schedules.js';
import { send, stepsOf } from './inside.js';
import { useAutomation, workspace } from './support.js';

const fixture = useAutomation();

const now = Date.parse('2026-06-15T12:00:00Z');
const clock = () => Promise.resolve(now);

/** A series with an entry so many hours before `now` each, saved long before. */
async function entered(pool: Pool, key: string, hoursAgo: readonly number[]): Promise<void> {
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING', [
    workspace,
  ]);
  await saveSeries(pool, workspace, stepsOf(key, [send('hello')]));
  await pool.query(`UPDATE series SET active_since = '2025-06-15' WHERE key = $1`, [key]);
  await pool.query(
    `WITH person AS (
       INSERT INTO end_users (workspace_id, user_id) SELECT $1, $2 || n FROM generate_series(1, cardinality($3::float8[])) AS n
       RETURNING id, user_id
     )
     INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, state, entered_at)
     SELECT $1, $2, 1, person.id, 'completed', $4::timestamptz - ago * interval '1 hour'
     FROM unnest($3::float8[]) WITH ORDINALITY AS t (ago, n) JOIN person ON person.user_id = $2 || t.n`,
    [workspace, key, hoursAgo, new Date(now).toISOString()],
  );
}

/** So many entries, so many hours apart, the latest so many hours ago. */
const every = (hours: number, count: number, latest: number): number[] =>
  Array.from({ length: count }, (_, index) => latest + index * hours);
const silence = (pool: Pool, key: string, at = now) =>
  inWorkspace(pool, workspace, (client) => silenceOf(client, workspace, key, at));

test.each([
  ['twice its longest gap', every(24, 12, 49), true],
  ['less than twice its longest gap', every(24, 12, 47), false],
  // A weekend in its history explains a weekend without anybody.
  ['a gap like one before', [60, ...every(8, 30, 120)], false],
  ['twice that gap', [121, ...every(8, 30, 181)], true],
  ['too few active hours', every(24, 9, 1000), false],
  ['too short a history', every(2, 80, 1000), false],
  // A crowd within an hour is one entry more, not a history.
  ['one crowd', Array.from({ length: 300 }, (_, index) => 2000 + index / 1000), false],
])('a series that lets nobody in for %s: silent %#', async (_what, hoursAgo, isSilent) => {
  const { pool } = fixture();
  await entered(pool, 'one', hoursAgo);
  expect((await silence(pool, 'one')) !== null).toBe(isSilent);
});

test('a look at an earlier instant knows nothing of later entries', async () => {
  const { pool } = fixture();
  await entered(pool, 'one', [0, ...every(24, 12, 100)]);
  expect(await silence(pool, 'one')).toBeNull();
  expect(await silence(pool, 'one', now - 3_600_000)).toMatchObject({ longest_gap_seconds: 86_400 });
});

test('a pause, an archived series and what is 60 days before the latest entry say nothing', async () => {
  const { pool } = fixture();
  await entered(pool, 'one', every(24, 12, 100));
  expect(await silence(pool, 'one')).toMatchObject({ active_hours: 12, longest_gap_seconds: 86_400 });
  // Resumed a day ago: the time before that does not count.
  await pool.query(`UPDATE series SET active_since = '2026-06-14T12:00:00Z'`);
  expect(await silence(pool, 'one')).toBeNull();
  await pool.query(`UPDATE series SET active_since = '2025-06-15'`);
  await pauseSeries(pool, workspace, 'one');
  expect(await silence(pool, 'one')).toBeNull();
  await archiveSeries(pool, workspace, 'one');
  expect(await silence(pool, 'one')).toBeNull();
  await entered(pool, 'two', [...every(24, 12, 100), 100 + 70 * 24]);
  expect(await silence(pool, 'two')).toMatchObject({ active_hours: 12 });
});

test('the reconciler notes it once, the metric counts it, and the report and the schedules say it', async () => {
  const { pool } = fixture();
  await entered(pool, 'quiet', every(24, 12, 100));
  await entered(pool, 'busy', every(24, 12, 1));
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => void warned.push(fields) };
  const round = reconcileRound({ pool, logger, enqueuedFor: 60_000, decisionsKept: 30, clock });
  await round();
  await round();
  expect(warned).toEqual([{ workspace, series: 'quiet' }]);
  expect((await readInvariants(pool, 60_000)).seriesSilent).toBe(1);
  const report = await reportSeries(pool, { workspaceId: workspace, key: 'quiet', now });
  expect(report.silence === null ? '' : silenceWords(report.silence)).toBe(
    'nobody has entered since 2026-06-11 08:00 UTC; over 12 active hours before that, the longest gap was 24 hours',
  );
  expect((await reportSeries(pool, { workspaceId: workspace, key: 'busy', now })).silence).toBeNull();
  // On the trigger `user_created`, which has no schedule.
  const silent = await listSilentSeries(pool, workspace);
  expect(silent).toEqual([{ key: 'quiet', since: new Date('2026-06-11T08:00:00Z') }]);
  expect(silentLines(out, silent)).toEqual([
    'series quiet has let nobody in since 2026-06-11 08:00: muster report --series quiet',
  ]);
});

test('an entry, a pause and the archive take the note back', async () => {
  const { pool } = fixture();
  const keys = ['entry', 'pause', 'archive'];
  for (const key of keys) await entered(pool, key, every(24, 12, 100));
  expect(await noteSilence(pool, clock)).toHaveLength(3);
  const silentKeys = async () => (await listSilentSeries(pool, workspace)).map(({ key }) => key);
  await pauseSeries(pool, workspace, 'pause');
  await resumeSeries(pool, workspace, 'pause');
  await archiveSeries(pool, workspace, 'archive');
  expect(await silentKeys()).toEqual(['entry']);
  await pool.query(
    `UPDATE enrollments SET entered_at = '2026-06-15T12:00:00Z' WHERE series_key = 'entry' AND entered_at = '2026-06-11T08:00:00Z'`,
  );
  // Looked at a moment ago, so not at once.
  expect(await noteSilence(pool, clock)).toEqual([]);
  expect(await silentKeys()).toEqual(['entry']);
  await pool.query(`UPDATE series SET silence_looked_at = silence_looked_at - interval '11 minutes'`);
  expect(await noteSilence(pool, clock)).toEqual([]);
  expect(await silentKeys()).toEqual([]);
  expect((await readInvariants(pool, 60_000)).seriesSilent).toBe(0);
});

test('one look reads an entry an hour of the history, however many people came in', async () => {
  const { pool } = fixture();
  await entered(
    pool,
    'crowded',
    Array.from({ length: 20_000 }, (_, index) => 100 + (index % 20) * 24 + index / 40_000),
  );
  await pool.query('VACUUM ANALYZE enrollments');
  const read = await inWorkspace(pool, workspace, async (client) => {
    // Beside this transaction's, the figures hold what the connection has not reported yet.
    const figures = async (): Promise<number[]> => {
      const { rows } = await client.query<Record<string, string>>(
        `SELECT seq_scan, idx_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'enrollments'`,
      );
      return Object.values(rows[0] ?? {}).map(Number);
    };
    const before = await figures();
    await silenceOf(client, workspace, 'crowded', now);
    return (await figures()).map((figure, at) => figure - (before[at] ?? 0));
  });
  const [sequential, lookUps = 0, fetched = 0] = read;
  expect(sequential).toBe(0);
  expect(lookUps).toBeGreaterThan(0);
  expect(lookUps).toBeLessThan(30);
  expect(fetched).toBeLessThan(30);
});
