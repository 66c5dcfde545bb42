import { startAutomation } from '../../src/automation/index.js';
import type { Row } from '../table.js';
import { perStep, readCpu } from './cpu.js';
import type { Cpu } from './cpu.js';
import type { SeriesOptions } from './options.js';
import { expectMoved, instantChannel, message, month, percentile, putInside, second } from './people.js';
import { clear, withServers } from './servers.js';
import type { Servers } from './servers.js';

const goal = 10;

/** What may make many people due at one time of the day. */
const reasons = {
  'a send waits for quiet hours to end': (time: string, anHourOn: string) => ({
    parts: { quiet_hours: { from: anHourOn, to: time } },
    steps: [message, month, second],
    step: message.key,
  }),
  'a wait ends, and a send follows': (time: string) => ({
    parts: {},
    steps: [{ type: 'wait_until_time', key: 'nine', at: time }, message, month, second],
    step: 'nine',
  }),
};

/** Everybody due at one instant, one worker: how late the messages come. */
export async function herd(options: SeriesOptions): Promise<Row[]> {
  return withServers(async (servers) => {
    const rows: Row[] = [];
    for (const [reason, inside] of Object.entries(reasons)) {
      await clear(servers);
      const { late, from } = await measure(servers, options.herd, inside);
      const { node, postgres, redis } = perStep(from, await readCpu(servers), late.length);
      const p99 = percentile(late, 0.99);
      rows.push({
        what: reason,
        people: late.length,
        'first s': percentile(late, 0),
        'p50 s': percentile(late, 0.5),
        'p99 s': p99,
        'last s': percentile(late, 1),
        'per s': Math.round(late.length / percentile(late, 1)),
        'CPU us': node + postgres + redis,
        goal: `< ${goal} s`,
        reached: p99 < goal,
      });
    }
    return rows;
  });
}

async function measure(
  servers: Servers,
  count: number,
  inside: (time: string, anHourOn: string) => { parts: object; steps: readonly object[]; step: string },
): Promise<{ late: number[]; from: Cpu }> {
  const { pool, redisUrl } = servers;
  // The minute that runs now stands for 09:00: whoever has stood there for an hour has waited for it.
  const [time = '', anHourOn = ''] = [0, 3_600_000].map((later) =>
    new Date(Date.now() + later).toISOString().slice(11, 16),
  );
  const { parts, steps, step } = inside(time, anHourOn);
  const hourAgo = Date.now() - 3_600_000;
  await putInside(pool, { parts, steps, step, count, since: hourAgo, dueAt: Date.now() + 86_400_000 });
  const at = Date.now() + 3000;
  await pool.query(`UPDATE work SET due_at = $1`, [new Date(at)]);
  await pool.query('VACUUM (ANALYZE) work');
  const late = new Map<string, number>();
  const channel = instantChannel((key) => void late.set(key, (Date.now() - at) / 1000));
  const from = await readCpu(servers);
  const automation = await startAutomation({ pool, redisUrl, queue: 'bench', channels: [channel] });
  try {
    await new Promise((resolve) => {
      setTimeout(resolve, at - Date.now());
    });
    await automation.idle(600_000);
  } finally {
    await automation.stop();
  }
  await expectMoved(pool, { step: message.key, count, deliveries: count, next: month.key });
  if (late.size !== count) throw new Error(`${late.size} messages for ${count} people`);
  return { late: [...late.values()], from };
}
