import { expect, test } from 'vitest';
import { saveSeries } from '../../../src/automation/index.js';
import { openPool } from '../../../src/database/pool.js';
import type { Pool } from '../../../src/database/pool.js';
import { until, useAutomation, workspace } from '../support.js';
import { Clock, dated, inZone, runs, scheduler, settle } from './support.js';

const fixture = useAutomation();

async function readOf(pool: Pool): Promise<{ seq: number; dates: number; ids: number; looks: number }> {
  const { rows } = await pool.query<{ seq: number; dates: number; ids: number; looks: number }>(
    `SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'end_users')::integer AS seq,
       (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes
        WHERE indexrelname IN ('end_users_renewal_date', 'end_users_trial_ends_at'))::integer AS dates,
       (SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'end_users_pkey')::integer AS ids,
       (SELECT sum(idx_scan) FROM pg_stat_user_indexes
        WHERE indexrelname IN ('end_users_renewal_date', 'end_users_trial_ends_at'))::integer AS looks`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a statement without a table answers one row');
  return row;
}

// The plans were looked at with 200,000 people as well, and are the same.
test('a date is looked for by the index on its field: nobody reads who is due on another day', async () => {
  const { pool, databaseUrl } = fixture();
  await inZone(pool, 'Europe/Berlin');
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, renewal_date, custom_fields)
     SELECT $1, 'p' || n, day, jsonb_build_object('trial_ends_at', to_char(day, 'YYYY-MM-DD'))
     FROM generate_series(1, 20000) AS n
     CROSS JOIN LATERAL (SELECT timestamp '2031-01-01' + (n % 365) * interval '1 day' AS day) AS due`,
    [workspace],
  );
  await pool.query('VACUUM ANALYZE end_users');
  await saveSeries(pool, workspace, dated('renewal'));
  await saveSeries(pool, workspace, dated('trial', { field: 'custom:trial_ends_at' }));
  await pool.query(`UPDATE schedules SET decided_until = '2031-06-10T07:20:00Z'`);
  const before = await readOf(pool);
  // What a connection read is counted when it is over.
  const own = await openPool(databaseUrl, { max: 3 });
  await settle(scheduler(own, new Clock('2031-06-10T07:30:00Z')));
  await own.end();
  await until('the count', async () => (await readOf(pool)).looks >= before.looks + 2);
  const after = await readOf(pool);
  expect((await runs(pool)).map((run) => run.split(' done ')[1])).toEqual([
    '{"entered": 55}',
    '{"entered": 55}',
  ]);
  expect(after.seq - before.seq).toBe(0);
  // Five and a quarter days of people for each of the two.
  expect(after.dates - before.dates).toBeLessThan(2 * 6 * 56);
  expect(after.ids - before.ids).toBeLessThan(2 * 56 * 10);
});
