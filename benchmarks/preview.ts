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
import { momentOf } from '../src/filter/time.js';
import { median, printTable, type Row } from './table.js';

/**
 * Preview counts over 1,000,000 people: Muster's SQL against the SQL that people write first (`->>`, a bare cast, plain
 * NOT). The data are clean, because the naive form raises on the first dirty value. Counts are compared before timing;
 * the two are timed in turn, and the ratio is naive / Muster, so above 1 Muster is faster.
 */
const { values: options } = parseArgs({
  options: {
    people: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});

const now = '2026-11-21T18:00:00.000Z';
const moment = momentOf(now, 'UTC');
const workspace = 'bench';

interface Contest {
  name: string;
  /** Whether an index serves Muster's form, so that ten times faster is the goal. */
  indexed: boolean;
  filter: unknown;
  naive: string;
}

const role = { '==': [{ var: 'custom:role' }, 'admin'] };
const contests: Contest[] = [
  { name: 'role is admin (1 %)', indexed: true, filter: role, naive: `u.custom_fields->>'role' = 'admin'` },
  {
    name: 'country in three (0.3 %)',
    indexed: true,
    filter: { in: [{ var: 'custom:country' }, ['c7', 'c77', 'c777']] },
    naive: `u.custom_fields->>'country' IN ('c7', 'c77', 'c777')`,
  },
  {
    name: 'seats >= 995 (0.5 %)',
    indexed: true,
    filter: { '>=': [{ var: 'custom:seats' }, 995] },
    naive: `(u.custom_fields->>'seats')::numeric >= 995`,
  },
  {
    name: 'trial ends within 7 days (1.9 %)',
    indexed: true,
    filter: { between: [{ var: 'custom:trial_ends_at' }, { ago: [0, 'days'] }, { from_now: [7, 'days'] }] },
    naive: `(u.custom_fields->>'trial_ends_at')::timestamptz BETWEEN '${now}'::timestamptz AND '${now}'::timestamptz + interval '7 days'`,
  },
  {
    // A dedicated column needs no cast, so the first thing people write is the same range on the same index.
    name: 'signed up in the last 30 days (2.6 %)',
    indexed: false,
    filter: { between: [{ var: 'signed_up_at' }, { ago: [30, 'days'] }, { ago: [0, 'days'] }] },
    naive: `u.signed_up_at BETWEEN '${now}'::timestamptz - interval '30 days' AND '${now}'::timestamptz`,
  },
  {
    name: 'five clauses, and with or (0.5 %)',
    indexed: true,
    filter: {
      and: [
        role,
        { in: [{ var: 'custom:plan' }, ['pro', 'team']] },
        { '>=': [{ var: 'custom:seats' }, 100] },
        { '<': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] },
        { or: [{ has: [{ var: 'custom:tags' }, 'beta'] }, { '==': [{ var: 'custom:country' }, 'c7'] }] },
      ],
    },
    naive: `u.custom_fields->>'role' = 'admin' AND u.custom_fields->>'plan' IN ('pro', 'team')
      AND (u.custom_fields->>'seats')::numeric >= 100 AND u.signed_up_at < '${now}'::timestamptz - interval '30 days'
      AND (u.custom_fields->'tags' ? 'beta' OR u.custom_fields->>'country' = 'c7')`,
  },
  {
    name: 'seats >= 500 (half)',
    indexed: false,
    filter: { '>=': [{ var: 'custom:seats' }, 500] },
    naive: `(u.custom_fields->>'seats')::numeric >= 500`,
  },
  {
    name: 'plan contains "ea" (a third)',
    indexed: false,
    filter: { contains: [{ var: 'custom:plan' }, 'ea'] },
    naive: `u.custom_fields->>'plan' LIKE '%ea%'`,
  },
  {
    name: 'plan is pro (a third)',
    indexed: false,
    filter: { '==': [{ var: 'custom:plan' }, 'pro'] },
    naive: `u.custom_fields->>'plan' = 'pro'`,
  },
  {
    // Plain NOT loses the people without a role; the naive writer who knows that adds IS NULL.
    name: 'not (role is admin) (99 %)',
    indexed: false,
    filter: { '!': role },
    naive: `(NOT (u.custom_fields->>'role' = 'admin') OR u.custom_fields->>'role' IS NULL)`,
  },
];

async function fill(pool: Pool, people: number): Promise<void> {
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)`, [workspace]);
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, name, email, signed_up_at, last_seen, custom_fields)
     SELECT $1, 'user-' || i, 'Person ' || i, 'p' || i || '@example.com',
            CASE WHEN i % 7 > 0 THEN $2::timestamptz - (i % 960) * interval '1 day' - interval '1 hour' END,
            $2::timestamptz - (i % 90) * interval '1 day',
            jsonb_strip_nulls(jsonb_build_object(
              'role', CASE WHEN i % 100 = 0 THEN 'admin' WHEN i % 3 > 0 THEN 'member' END,
              'plan', (ARRAY['free', 'pro', 'team'])[1 + i % 3],
              'seats', (i * 7919::bigint / 13) % 1000,
              'country', 'c' || (i * 31::bigint / 7) % 1000,
              'trial_ends_at', CASE WHEN i % 4 > 0 THEN to_char(($2::timestamptz + (i % 271 - 100) * interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
              'tags', CASE WHEN i % 2 = 0 THEN '["beta", "news"]'::jsonb ELSE '["news"]'::jsonb END,
              'department', 'Engineering', 'preferred_language', 'en', 'onboarding_step', i % 7))
     FROM generate_series(1, $3::int) AS i`,
    [workspace, now, people],
  );
}

async function count(
  pool: Pool,
  condition: string,
  values: unknown[] = [],
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
  const suggested = new Set<string>();
  for (const { filter } of contests.filter(({ indexed }) => indexed)) {
    for (const index of compileSql(parseFilter(filter), { moment }).indexes)
      if (!index.exists) suggested.add(index.definition);
  }
  for (const definition of suggested) await pool.query(definition);
  await pool.query('VACUUM ANALYZE end_users');
  await pool.query('VACUUM ANALYZE companies');

  for (const { name, indexed, filter, naive } of contests) {
    const compiled = compileSql(parseFilter(filter), { moment, offset: 1 });
    const ours = await count(pool, compiled.text, compiled.values);
    const theirs = await count(pool, naive);
    if (ours.count !== theirs.count)
      throw new Error(`${name}: Muster counts ${ours.count}, the naive form ${theirs.count}`);
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < Number(options.rounds); round += 1) {
      times.ours.push((await count(pool, compiled.text, compiled.values)).ms);
      times.theirs.push((await count(pool, naive)).ms);
    }
    const ratio = median(times.theirs) / median(times.ours);
    rows.push({
      filter: name,
      people: ours.count,
      'muster ms': median(times.ours),
      'naive ms': median(times.theirs),
      'naive / muster': ratio,
      goal: indexed ? '>= 10' : '>= 1',
      reached: ratio >= (indexed ? 10 : 1),
    });
  }
} finally {
  await pool.end();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
printTable(
  `Preview over ${options.people} people, medians of ${options.rounds} rounds in turn`,
  rows,
  options.json,
);
