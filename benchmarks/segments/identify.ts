import type { Pool } from 'pg';
import { segmentKeeper } from '../../src/audience/segments/keep.js';
import type { Keeper } from '../../src/audience/segments/keep.js';
import { saveSegment } from '../../src/audience/segments/store.js';
import { identify } from '../../src/traits/identify.js';
import { median, printTable } from '../table.js';
import type { Row } from '../table.js';
import { withDatabase, workspace } from './servers.js';

const people = 10_000;
const tracked = 1000;
const callers = 8;

const traitsOf = (id: number, turn: number): Record<string, unknown> => ({
  name: `Person ${id}`,
  role: id % 10 === 0 ? 'admin' : 'member',
  plan: 'pro',
  seats: (id * 31 + turn) % 100,
  account: `a${(id + turn) % tracked}`,
});

/** Calls for the time, and says how many a second were taken. */
async function rateOf(pool: Pool, seconds: number): Promise<number> {
  let turn = 0;
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        turn += 1;
        const id = turn % people;
        await identify(pool, { workspaceId: workspace, userId: `u${id}`, traits: traitsOf(id, turn) });
      }
    }),
  );
  return (turn * 1000) / (performance.now() - started);
}

async function keepUntil(keep: Keeper, end: number): Promise<void> {
  while (performance.now() < end) {
    const { more } = await keep();
    if (!more) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function saveAll(pool: Pool): Promise<void> {
  for (let at = 0; at < tracked; at += 1) {
    const filter = {
      and: [
        { '==': [{ var: 'custom:account' }, `a${at}`] },
        { '>=': [{ var: 'custom:seats' }, at % 100] },
        ...(at % 2 === 0 ? [{ '>=': [{ var: 'signed_up_at' }, { ago: [at, 'days'] }] }] : []),
      ],
    };
    await saveSegment(pool, workspace, { key: `s${at}`, filter });
  }
  await pool.query(`UPDATE segments SET state = 'ready' WHERE workspace_id = $1`, [workspace]);
}

/**
 * Identify, each call changing two traits, without segments and with a thousand tracked ones of which each reads one of those
 * traits; once with nobody keeping them, which is what the calls themselves pay, and once with a keeper in the same process.
 */
export async function identifyBenchmark({ json }: { readonly json: boolean }): Promise<void> {
  await withDatabase(async (pool) => {
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, custom_fields)
       SELECT $1, 'u' || n, jsonb_build_object('role', 'member', 'plan', 'pro', 'seats', 1, 'account', 'a0')
       FROM generate_series(0, $2::integer - 1) AS n`,
      [workspace, people],
    );
    await saveAll(pool);
    const bare: number[] = [];
    const noted: number[] = [];
    const kept: number[] = [];
    const keep = segmentKeeper(pool);
    for (let round = 0; round < 3; round += 1) {
      // What triggers look for is all that tells a workspace with tracked segments from one without.
      await pool.query('CREATE TABLE IF NOT EXISTS put_aside AS SELECT * FROM segment_watches');
      await pool.query('TRUNCATE segment_watches, segment_changes, outbox');
      bare.push(await rateOf(pool, 2));
      await pool.query('INSERT INTO segment_watches SELECT * FROM put_aside');
      noted.push(await rateOf(pool, 2));
      await pool.query('TRUNCATE segment_changes');
      const keeping = keepUntil(keep, performance.now() + 2000);
      kept.push(await rateOf(pool, 2));
      await keeping;
    }
    const base = median(bare);
    const row = (name: string, rates: readonly number[]): Row => ({
      identify: name,
      'calls/s': median(rates),
      'of bare': median(rates) / base,
      goal: name === 'no segments' ? '' : '0.7',
      reached: median(rates) / base >= 0.7,
    });
    printTable(
      `Identify with ${tracked} tracked segments`,
      [
        row('no segments', bare),
        row('tracked, nobody keeping', noted),
        row('tracked, and kept by this process', kept),
      ],
      json,
    );
  });
}
