import type { Pool } from 'pg';
import { segmentKeeper } from '../../src/audience/segments/keep.js';
import { saveSegment } from '../../src/audience/segments/store.js';
import { median, printTable } from '../table.js';
import type { Row } from '../table.js';
import { withDatabase, workspace } from './servers.js';

const segments = 1000;
/** Minutes between the windows of two segments. */
const apart = 11;

/**
 * A thousand segments that go by the clock, `signed_up_at` within so many minutes, over as many people as asked, of whom one signed
 * up each millisecond: so each segment loses one a millisecond of time that passes. The keeper runs by the real clock; people
 * are spread so that about 1,000 memberships turn a second. Nothing is written but memberships.
 */
export async function sweepBenchmark({
  people,
  seconds,
  json,
}: {
  readonly people: number;
  readonly seconds: number;
  readonly json: boolean;
}): Promise<void> {
  await withDatabase(async (pool) => {
    const rows: Row[] = [];
    await saveAll(pool);
    for (const part of [people / 10, people]) {
      await fill(pool, part);
      rows.push(await measure(pool, part, seconds));
    }
    printTable(`${segments} segments that go by the clock: sweeps by the real clock`, rows, json);
  });
}

/** People signed up before so many milliseconds each, spread over what all windows together look back, and as much ahead. */
async function fill(pool: Pool, people: number): Promise<void> {
  await pool.query('TRUNCATE end_users CASCADE');
  // One a second and segment: with a thousand segments a thousand turns a second.
  await pool.query(
    `INSERT INTO end_users (workspace_id, user_id, signed_up_at)
     SELECT $1, 'u' || n, now() + interval '10 minutes' - n * make_interval(secs => $3::double precision)
     FROM generate_series(1, $2::integer) AS n`,
    [workspace, people, 1],
  );
  // Who they are is told as changes, which are not what is measured.
  await pool.query('TRUNCATE segment_changes, outbox');
  await pool.query('VACUUM ANALYZE end_users');
  await pool.query('UPDATE segment_edges SET next_at = now()');
  await pool.query('UPDATE segment_clocks SET swept_to = now()');
}

async function saveAll(pool: Pool): Promise<void> {
  for (let at = 0; at < segments; at += 1) {
    const filter = { '<=': [{ var: 'signed_up_at' }, { ago: [at * apart + 1, 'minutes'] }] };
    await saveSegment(pool, workspace, { key: `s${at}`, filter });
  }
  // What they hold already is nobody's concern here: the sweep alone is measured, and finds who turns.
  await pool.query(`UPDATE segments SET state = 'ready' WHERE workspace_id = $1`, [workspace]);
  // The edges are listed by the first round.
  await segmentKeeper(pool)();
  await pool.query(
    `INSERT INTO segment_changes (workspace_id, end_user_id) VALUES ($1, '00000000-0000-0000-0000-000000000000')`,
    [workspace],
  );
  await segmentKeeper(pool)();
}

async function measure(pool: Pool, people: number, seconds: number): Promise<Row> {
  const keep = segmentKeeper(pool);
  await keep();
  await pool.query('DELETE FROM outbox');
  const lateness: number[] = [];
  const rounds: number[] = [];
  let flips = 0;
  const cpu = process.cpuUsage();
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const started = performance.now();
    const kept = await keep();
    const told = Date.now();
    rounds.push(performance.now() - started);
    flips += kept.flips.length;
    for (const { at } of kept.flips) lateness.push(told - at);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (performance.now() - started))));
  }
  const { user, system } = process.cpuUsage(cpu);
  lateness.sort((a, b) => a - b);
  const at = (share: number): number => lateness[Math.floor(lateness.length * share)] ?? 0;
  const { rows } = await pool.query<{ count: string }>(
    `SELECT count(*) FROM outbox WHERE kind LIKE 'segment%'`,
  );
  if (Number(rows[0]?.count) !== flips) throw new Error('what was told is not what was found');
  return {
    people,
    'flips/s': flips / seconds,
    'round ms': median(rounds),
    'CPU µs a flip': (user + system) / Math.max(flips, 1),
    'told after, p50 ms': at(0.5),
    'p99 ms': at(0.99),
    'last ms': lateness.at(-1) ?? 0,
    goal: '1,000 ms',
    reached: (lateness.at(-1) ?? 0) < 1000,
  };
}
