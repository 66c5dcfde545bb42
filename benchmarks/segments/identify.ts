import type { Pool } from 'pg';
import { segmentKeeper } from '../../src/audience/segments/keep.js';
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

/**
 * Identify, each call changing two traits, without segments and with a thousand tracked ones of which each reads one of those
 * traits; once with nobody keeping them, which is what the calls themselves pay, and once with a keeper in the same process.
 */
export async function identifyBenchmark({ json }: { readonly json: boolean }): Promise<void> {
  await withDatabase(async (pool) => {
    for (let id = 0; id < people; id += 1)
      await identify(pool, { workspaceId: workspace, userId: `u${id}`, traits: traitsOf(id, 0) });
    const bare: number[] = [];
    const noted: number[] = [];
    const kept: number[] = [];
    const keep = segmentKeeper(pool);
    for (let round = 0; round < 3; round += 1) {
      await pool.query('DELETE FROM segments WHERE workspace_id = $1', [workspace]);
      await pool.query('TRUNCATE segment_watches, segment_changes, segment_edges, outbox');
      bare.push(await rateOf(pool, 4));
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
      noted.push(await rateOf(pool, 4));
      while ((await keep()).changes > 0) continue;
      let stop = false;
      const keeping = (async () => {
        while (!stop) {
          const { more } = await keep();
          if (!more) await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })();
      kept.push(await rateOf(pool, 4));
      stop = true;
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
