import { setTimeout as sleep } from 'node:timers/promises';
import { startAutomation } from '../../src/automation/index.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { ended, nextMessage, startChild } from './child.js';
import type { SeriesOptions } from './options.js';
import { expectMoved, instantChannel, message, month, percentile, putInside, second } from './people.js';
import { clear, withServers } from './servers.js';
import type { Servers } from './servers.js';

/** How long a provider takes, in milliseconds. */
const providerTakes = 20;
const goal = 10;

/**
 * Two workers share a load, each in a process of its own, and one is killed in the middle of it. Every step that had to be
 * offered again is one that it had taken; the time runs from the kill to the delivery by the other worker.
 */
export async function killed(options: SeriesOptions): Promise<Row[]> {
  return withServers(async (servers) => {
    const rounds: (readonly number[])[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      await clear(servers);
      rounds.push(await measure(servers, options.load, `bench-${round}`));
    }
    const slowest = Math.max(...rounds.map((seconds) => percentile(seconds, 1)));
    return [
      {
        kills: rounds.length,
        'steps redelivered (median)': median(rounds.map((seconds) => seconds.length)),
        'first s (median)': median(rounds.map((seconds) => percentile(seconds, 0))),
        'last s (median)': median(rounds.map((seconds) => percentile(seconds, 1))),
        'last s (slowest)': slowest,
        goal: `< ${goal} s`,
        reached: slowest < goal,
      },
    ];
  });
}

async function measure(
  { pool, databaseUrl, redisUrl }: Servers,
  count: number,
  queue: string,
): Promise<number[]> {
  const delivered = new Map<string, number>();
  const victim = startChild('worker-child', [databaseUrl, redisUrl, queue, String(providerTakes)]);
  try {
    await nextMessage(victim);
    const automation = await startAutomation({
      pool,
      redisUrl,
      queue,
      channels: [
        instantChannel(async (key) => {
          await sleep(providerTakes);
          delivered.set(key, Date.now());
        }),
      ],
    });
    // Both are at work from the first step on, and the load is far from over when the victim has sent some.
    const swinging = nextMessage(victim);
    const dueAt = Date.now() - 1000;
    const steps = [message, month, second];
    const put = putInside(pool, { steps, step: message.key, count, since: dueAt, dueAt });
    await swinging;
    const at = Date.now();
    victim.kill('SIGKILL');
    await Promise.all([ended(victim), put]);
    await automation.idle(120_000);
    await automation.stop();
    await expectMoved(pool, { step: message.key, count, deliveries: count, next: month.key });
    const { rows } = await pool.query<{ delivery: string }>(
      `SELECT delivery_id AS delivery FROM work WHERE step = $1 AND epoch > 1`,
      [message.key],
    );
    if (rows.length === 0) throw new Error('the worker held nothing when it was killed');
    return rows.map(({ delivery }) => ((delivered.get(delivery) ?? Number.NaN) - at) / 1000);
  } finally {
    victim.kill('SIGKILL');
  }
}
