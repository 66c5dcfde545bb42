import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { parseFilter } from '../src/filter/parse.js';
import { compileSql } from '../src/filter/sql.js';
import { instantOf, momentOf } from '../src/filter/time.js';
import type { Time } from '../src/filter/time.js';
import { median, printTable, type Row } from './table.js';

/**
 * What days cost a preview: the count in a zone where a midnight lies between each bound and its wall clock, beside the plain
 * range of instants with the same bounds, which is what the filter was before days. Half of the people have days, half
 * instants. Counts are compared with a form that asks every row for the zone before timing; the two are timed in turn.
 */
const { values: options } = parseArgs({
  options: {
    people: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
});

const zone = 'America/Los_Angeles';
const moment = momentOf('2026-11-22T05:00:00.000Z', zone);
const workspace = 'bench';

const renewal = { var: 'renewal_date' };
const trial = { var: 'custom:trial_ends_at' };
const trialTime = `muster_time(u.custom_fields -> 'trial_ends_at')`;

interface Contest {
  readonly name: string;
  readonly field: unknown;
  /** The stored time in SQL. */
  readonly time: string;
  readonly from: Time;
  readonly to: Time;
}

const today: Time = { kind: 'start_of', unit: 'day', offset: 0 };
const inDays = (amount: number): Time => ({ kind: 'from_now', amount, unit: 'days' });
const contests: readonly Contest[] = [
  { name: 'renewal in the next 7 days', field: renewal, time: 'u.renewal_date', from: today, to: inDays(7) },
  {
    name: 'renewal in the next 60 days',
    field: renewal,
    time: 'u.renewal_date',
    from: today,
    to: inDays(60),
  },
  { name: 'trial ends in the next 7 days', field: trial, time: trialTime, from: today, to: inDays(7) },
  { name: 'trial ends in the next 60 days', field: trial, time: trialTime, from: today, to: inDays(60) },
];

const written = (time: Time): unknown => {
  if (time.kind === 'at') return { at: time.text };
  return time.kind === 'start_of'
    ? { start_of: [time.unit, time.offset] }
    : { [time.kind]: [time.amount, time.unit] };
};
const iso = (time: Time): string => new Date(instantOf(time, moment)).toISOString();

/** Every row is asked for the zone. */
const slow = ({ time, from, to }: Contest): string => `
  CASE WHEN (${time} AT TIME ZONE 'UTC')::time = '00:00' THEN (${time} AT TIME ZONE 'UTC') AT TIME ZONE '${zone}' ELSE ${time} END
  BETWEEN '${iso(from)}' AND '${iso(to)}'`;

async function fill(pool: Pool, people: number): Promise<void> {
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)`, [workspace]);
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, renewal_date, custom_fields)
     SELECT $1, 'user-' || i, at, jsonb_build_object('trial_ends_at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       'department', 'Engineering', 'preferred_language', 'en', 'onboarding_step', i % 7)
     FROM generate_series(1, $2::int) AS i CROSS JOIN LATERAL (
       SELECT '2026-06-01T00:00:00Z'::timestamptz + (i % 365) * interval '1 day' + (i % 2) * (i % 1437) * interval '1 minute' AS at
     ) AS t`,
    [workspace, people],
  );
}

async function count(
  pool: Pool,
  condition: string,
  values: readonly unknown[] = [],
): Promise<{ count: number; ms: number }> {
  const start = process.hrtime.bigint();
  const { rows } = await pool.query<{ count: string }>(
    `SELECT count(*) FROM end_users u WHERE u.workspace_id = $1 AND (${condition})`,
    [workspace, ...values],
  );
  return { count: Number(rows[0]?.count), ms: Number(process.hrtime.bigint() - start) / 1e6 };
}

const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
const embedded = await startEmbedded({ dataDir, postgres: true, redis: false });
const pool = await openPool(embedded.databaseUrl ?? '');
const rows: Row[] = [];
try {
  await migrate(pool);
  process.stderr.write(`filling ${options.people} people ...\n`);
  await fill(pool, Number(options.people));
  await pool.query('VACUUM ANALYZE end_users');
  for (const contest of contests) {
    const { name, field, from, to } = contest;
    const asDays = parseFilter({ between: [field, written(from), written(to)] });
    const asInstants = parseFilter({ between: [field, { at: iso(from) }, { at: iso(to) }] });
    const days = compileSql(asDays, { moment, offset: 1 });
    const instants = compileSql(asInstants, { moment: { ...moment, zone: 'UTC' }, offset: 1 });
    if (days.text === instants.text)
      throw new Error(`${name}: no midnight lies between a bound and its wall clock`);
    const found = await count(pool, days.text, days.values);
    const expected = await count(pool, slow(contest));
    if (found.count !== expected.count)
      throw new Error(
        `${name}: Muster counts ${found.count}, the form that asks every row ${expected.count}`,
      );
    const times = { days: [] as number[], instants: [] as number[] };
    for (let round = 0; round < Number(options.rounds); round += 1) {
      times.days.push((await count(pool, days.text, days.values)).ms);
      times.instants.push((await count(pool, instants.text, instants.values)).ms);
    }
    const ratio = median(times.days) / median(times.instants);
    rows.push({
      filter: name,
      people: found.count,
      'days ms': median(times.days),
      'instants ms': median(times.instants),
      'every row ms': expected.ms,
      'days / instants': ratio,
      goal: '<= 1.1',
      reached: ratio <= 1.1,
    });
  }
} finally {
  await pool.end();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
printTable(
  `Days in a preview over ${options.people} people, medians of ${options.rounds} rounds in turn`,
  rows,
  options.json,
);
