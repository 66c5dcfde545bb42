import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { saveSeries } from '../../../src/automation/index.js';
import type { Pool } from '../../../src/database/pool.js';
import { programFile } from '../../support/programs.js';
import { until, useAutomation, workspace } from '../support.js';
import { Clock, dated, inZone, recurring, runs, scheduler, settle } from './support.js';

const fixture = useAutomation();
const people = 1800;

async function addMany(pool: Pool): Promise<void> {
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, renewal_date)
     SELECT $1, 'p' || n, '2031-06-10' FROM generate_series(1, $2::integer) AS n`,
    [workspace, people],
  );
}

/** Lets a process make runs and kills it after a stretch of them. */
async function killInTheMiddle(databaseUrl: string, now: string): Promise<void> {
  const script = programFile('test/automation/schedules/scheduling-child');
  const child = spawn(process.execPath, [script, databaseUrl, now], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'stretch') continue;
    child.kill('SIGKILL');
    break;
  }
  await ended;
}

/** People by how often they entered each series. */
async function entriesEach(pool: Pool): Promise<unknown[]> {
  const { rows } = await pool.query<object>(
    `SELECT series_key AS series, entries, count(*)::integer AS people FROM (
       SELECT series_key, end_user_id, count(*)::integer AS entries FROM enrollments GROUP BY series_key, end_user_id
     ) AS each GROUP BY series_key, entries ORDER BY 1, 2`,
  );
  return rows;
}

test('a scheduler killed in the middle of a run: another one goes on, and everybody entered once', async () => {
  const { pool, databaseUrl } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, recurring('everybody', '30 9 10 6 *'));
  await saveSeries(pool, workspace, dated('renewal'));
  await addMany(pool);
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-10T00:00:00Z'`);
  const now = '2031-06-10T09:30:00Z';
  await killInTheMiddle(databaseUrl, now);
  expect((await runs(pool)).join()).toContain('running');
  // Two at once take over what the killed one held, as soon as its hold is over.
  const others = [0, 1].map(() => scheduler(pool, new Clock(now), { lease: 500 }));
  await until('the runs to be over', async () => {
    await settle(...others);
    return !(await runs(pool)).join().includes('running');
  });
  expect(await entriesEach(pool)).toEqual([
    { series: 'everybody', entries: 1, people },
    { series: 'renewal', entries: 1, people },
  ]);
  expect((await runs(pool)).toSorted()).toEqual([
    `everybody 2031-06-10 09:30 done {"entered": ${people}}`,
    `renewal 2031-06-10 09:30 done {"entered": ${people}}`,
  ]);
});

test('a scheduler that was away for longer than its hold writes nothing over the one that took over', async () => {
  const { pool } = fixture();
  await inZone(pool, 'UTC');
  await saveSeries(pool, workspace, recurring('everybody', '30 9 10 6 *'));
  await addMany(pool);
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-10T00:00:00Z'`);
  const clock = new Clock('2031-06-10T09:30:00Z');
  const other = scheduler(pool, clock);
  let stretches = 0;
  const slow = scheduler(pool, clock, {
    onWork: () => void (stretches += 1),
    logger: { info: () => {}, error: () => {}, warn: (_, message) => void lost.push(message) },
  });
  const lost: string[] = [];
  const taking = (async () => {
    await until('a stretch', () => stretches > 0);
    await pool.query(`UPDATE schedule_runs SET token = NULL, lease_until = NULL`);
    await settle(other);
  })();
  await settle(slow);
  await taking;
  await settle(slow, other);
  expect(await entriesEach(pool)).toEqual([{ series: 'everybody', entries: 1, people }]);
  expect(lost).toEqual(['a run of a schedule was taken over by another process']);
});
