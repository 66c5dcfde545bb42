import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportAudience } from '../src/audience/report.js';
import { migrate } from '../src/database/migrate.js';
import { openPool } from '../src/database/pool.js';
import type { Pool } from '../src/database/pool.js';
import { startEmbedded } from '../src/embedded/index.js';
import { explainUser } from '../src/audience/explain.js';
import { funnelOf } from '../src/filter/funnel.js';
import type { AlikeGroup } from '../src/filter/funnel.js';
import { parseFilter } from '../src/filter/parse.js';
import { compileSql } from '../src/filter/sql.js';
import { momentOf } from '../src/filter/time.js';
import { filter as document, now, people } from './five-clauses.js';
import { median, printTable } from './table.js';
import type { Row } from './table.js';

/**
 * "Why 0 matched" for five clauses over 1,000,000 messy people, beside one sequential scan of the table: bare, and one that
 * counts whom the filter matches. Before anything is timed, a small workspace of the same people is reported on and each of
 * them explained, and the two have to tell the same numbers.
 */
const { values: options } = parseArgs({
  options: {
    people: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});

const moment = momentOf(now, 'UTC');
const filter = parseFilter(document);
const drawn = people({ clauses: 'mixed', shapes: 'few' });

/** So many people, each one of those drawn. */
async function fill(pool: Pool, workspaceId: string, count: number): Promise<void> {
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspaceId]);
  const rows = drawn.map(({ name, signed_up_at: at, custom_fields: traits }) => ({ name, at, traits }));
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, name, signed_up_at, custom_fields)
     SELECT $1, 'user-' || i, p.value ->> 'name', (p.value ->> 'at')::timestamptz, p.value -> 'traits'
     FROM generate_series(0, $3::int - 1) AS i
     JOIN jsonb_array_elements($2::jsonb) WITH ORDINALITY AS p (value, place) ON p.place = 1 + i % ${drawn.length}`,
    [workspaceId, JSON.stringify(rows), count],
  );
}

async function check(pool: Pool): Promise<void> {
  const workspaceId = 'checked';
  await fill(pool, workspaceId, drawn.length);
  const groups: AlikeGroup[] = [];
  for (const { user_id: userId } of drawn) {
    const { clauses } = await explainUser(pool, { workspaceId, filter, userId, moment });
    groups.push({ people: 1, reasons: clauses.map(({ reason }) => reason) });
  }
  const expected = funnelOf(filter, groups);
  const { total, matched, emptied_by, funnel } = await reportAudience(pool, { workspaceId, filter, moment });
  const found = { total, matched, emptied_by, clauses: funnel };
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`the report says ${JSON.stringify(found)}, the explanations ${JSON.stringify(expected)}`);
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const workspaceId = 'bench';

/** One pass over the table, whatever indexes there are. */
async function scan(pool: Pool, condition: string, values: readonly unknown[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    for (const path of ['indexscan', 'indexonlyscan', 'bitmapscan'])
      await client.query(`SET LOCAL enable_${path} = off`);
    await client.query('SET LOCAL jit = off');
    await client.query(`SELECT count(*) FROM end_users u WHERE u.workspace_id = $1 AND (${condition})`, [
      workspaceId,
      ...values,
    ]);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

const dataDir = mkdtempSync(join(tmpdir(), 'muster-bench-'));
const embedded = await startEmbedded({ dataDir, postgres: true, redis: false });
const pool = await openPool(embedded.databaseUrl ?? '');
const rows: Row[] = [];
try {
  await migrate(pool);
  await check(pool);
  process.stderr.write(`filling ${options.people} people ...\n`);
  await fill(pool, workspaceId, Number(options.people));
  await pool.query('VACUUM ANALYZE end_users');
  const { text, values } = compileSql(filter, { moment, offset: 1 });
  const times = { report: [] as number[], bare: [] as number[], filtering: [] as number[] };
  for (let round = 0; round < Number(options.rounds); round += 1) {
    times.report.push(await timed(() => reportAudience(pool, { workspaceId, filter, moment })));
    times.bare.push(await timed(() => scan(pool, 'true', [])));
    times.filtering.push(await timed(() => scan(pool, text, values)));
  }
  const report = median(times.report);
  rows.push(
    { what: 'report, common values included', ms: report, 'report / it': 1 },
    { what: 'bare sequential scan', ms: median(times.bare), 'report / it': report / median(times.bare) },
    {
      what: 'sequential scan that counts the filter',
      ms: median(times.filtering),
      'report / it': report / median(times.filtering),
    },
  );
} finally {
  await pool.end();
  await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
printTable(
  `Why 0 matched: five clauses over ${options.people} people, medians of ${options.rounds} rounds in turn`,
  rows,
  options.json,
);
