import { launchBroadcast, saveBroadcast } from '../../src/automation/index.js';
import { perStep, readCpu } from '../series/cpu.js';
import { workspace } from '../series/servers.js';
import type { Servers } from '../series/servers.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { kinds } from './kinds.js';
import { watchMemory } from './memory.js';
import type { BroadcastOptions } from './options.js';
import { expectBreakdown } from './people.js';

const goal = 10;
const redisGoal = 100;

/** A launch: everybody judged, numbered and written down, and cut into chunks, in one transaction. */
export async function freeze(servers: Servers, { people, rounds }: BroadcastOptions): Promise<Row[]> {
  const { pool } = servers;
  const rows: Row[] = [];
  for (const [name, parts] of Object.entries(kinds)) {
    const seconds: number[] = [];
    const cpu: number[] = [];
    const memory = watchMemory(servers);
    for (let round = 0; round < Math.min(rounds, 2); round += 1) {
      await pool.query('TRUNCATE broadcasts, broadcast_runs, broadcast_recipients, work CASCADE');
      await pool.query('CHECKPOINT');
      const key = `frozen-${round}`;
      await saveBroadcast(pool, workspace, { key, name: key, ...parts });
      const before = await readCpu(servers);
      const started = performance.now();
      const { breakdown } = await launchBroadcast(pool, workspace, key);
      seconds.push((performance.now() - started) / 1000);
      cpu.push(perStep(before, await readCpu(servers), people).postgres);
      expectBreakdown(breakdown, people);
      await expectFrozen(servers, people, breakdown.to_send);
    }
    const { process, redis } = await memory.stop();
    rows.push({
      what: name,
      people,
      s: median(seconds),
      'Postgres us': median(cpu),
      'process MiB': process.largest,
      'Redis MB': redis,
      goal: `< ${goal} s, Redis < ${redisGoal} MB`,
      reached: median(seconds) < goal && redis < redisGoal,
    });
  }
  return rows;
}

/** Everybody once, numbered without a gap, those to be sent to first and each in one chunk. Throws otherwise. */
async function expectFrozen({ pool }: Servers, people: number, toSend: number): Promise<void> {
  const { rows } = await pool.query<{ all: number; last: number; pending: number; in_chunks: number }>(
    `SELECT count(*)::integer AS all, max(number) AS last,
       (count(*) FILTER (WHERE state = 'pending' AND number <= $1))::integer AS pending,
       (SELECT sum(last_number - first_number + 1)::integer FROM work WHERE kind = 'chunk') AS in_chunks
     FROM broadcast_recipients`,
    [toSend],
  );
  const [found] = rows;
  if (
    found?.all !== people ||
    found.last !== people ||
    found.pending !== toSend ||
    found.in_chunks !== toSend
  )
    throw new Error(`of ${people} people, ${toSend} to be sent to, there are ${JSON.stringify(found)}`);
}
