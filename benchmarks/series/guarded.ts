import { Queue } from 'bullmq';
import { startAutomation } from '../../src/automation/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { connectRedis } from '../../src/automation/redis/connection.js';
import { relayRound } from '../../src/automation/work/relay.js';
import type { WorkQueue } from '../../src/automation/work/relay.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { batch, runBare, timed, untilEmpty } from './bare.js';
import type { Measured } from './bare.js';
import type { Cpu } from './cpu.js';
import type { SeriesOptions } from './options.js';
import { expectMoved, instantChannel, message, month, putInside, second } from './people.js';
import { clear, withServers } from './servers.js';
import type { Servers } from './servers.js';

/**
 * Guarded steps against jobs without a guard: what the same number of BullMQ jobs costs, one for each step, whose processor
 * does nothing, with the same options, at the same concurrency, from the same Redis. In turn, round by round.
 *
 * `from Redis`: everything waits in Redis when the clock starts. `from Postgres`: it waits in Postgres, and the relay
 * brings it while the worker works; BullMQ's jobs are added meanwhile.
 */
interface Side {
  readonly name: string;
  /** Whose rate it is held against; null for BullMQ itself. */
  readonly against: string | null;
  readonly run: (servers: Servers, options: SeriesOptions, queue: string) => Promise<Measured>;
}

/** Claim, done, advance; and with a message the record of the delivery before the channel is called. */
const kinds = {
  'step without a message': { step: 'a-minute', deliveries: false },
  'step with a message': { step: 'hello', deliveries: true },
} as const;
const steps = [{ type: 'wait', key: 'a-minute', for: [1, 'minutes'] }, month, message, second];
const stepsWithMessage = [message, month, second];

const sides: readonly Side[] = (['from Redis', 'from Postgres'] as const).flatMap((from) => {
  const preloaded = from === 'from Redis';
  const bare = `BullMQ, no-op job, ${preloaded ? 'from Redis' : 'added meanwhile'}`;
  return [
    { name: bare, against: null, run: (...all) => runBare(...all, preloaded) },
    ...Object.entries(kinds).map(([kind, { deliveries }]): Side => ({
      name: `${kind}, ${from}`,
      against: bare,
      run: (...all) => runGuarded(...all, preloaded, deliveries),
    })),
  ] satisfies Side[];
});

const goal = 70;

export async function guarded(options: SeriesOptions): Promise<Row[]> {
  return withServers(async (servers) => {
    const measured = new Map<string, Measured[]>(sides.map(({ name }) => [name, []]));
    // The first round warms up.
    for (let round = 0; round <= options.rounds; round += 1) {
      for (const { name, run } of sides) {
        await clear(servers);
        const found = await run(servers, options, `bench-${round}`);
        if (round > 0) measured.get(name)?.push(found);
      }
    }
    return sides.map(({ name, against }) => {
      const own = measured.get(name) ?? [];
      const others = against === null ? [] : (measured.get(against) ?? []);
      const shares = own.map(
        (each, round) => (each.perSecond / (others[round]?.perSecond ?? Number.NaN)) * 100,
      );
      const share = against === null ? null : median(shares);
      const cpu = (of: keyof Cpu): number => median(own.map((each) => each.cpu[of]));
      return {
        what: name,
        concurrency: options.concurrency,
        'per s': Math.round(median(own.map((each) => each.perSecond))),
        '% of BullMQ': share ?? '',
        'Node us': cpu('node'),
        'Postgres us': cpu('postgres'),
        'Redis us': cpu('redis'),
        goal: share === null ? '' : `>= ${goal} %`,
        reached: share === null ? '' : share >= goal,
      };
    });
  });
}

async function runGuarded(
  servers: Servers,
  options: SeriesOptions,
  name: string,
  preloaded: boolean,
  deliveries: boolean,
): Promise<Measured> {
  const { pool, redisUrl } = servers;
  const { step } = kinds[deliveries ? 'step with a message' : 'step without a message'];
  const dueAt = Date.now() - 1000;
  await putInside(pool, {
    steps: deliveries ? stepsWithMessage : steps,
    step,
    count: options.steps,
    since: dueAt - 60_000,
    dueAt,
  });
  const connections = await connectRedis(redisUrl, { logger: silentLogger, timeout: 5000 });
  const queue: WorkQueue = new Queue(name, { connection: connections.producer });
  const sent = new Set<string>();
  let calls = 0;
  const channel = instantChannel((key) => {
    calls += 1;
    sent.add(key);
  });
  try {
    if (preloaded) {
      const relay = relayRound({
        pool,
        redis: connections.producer,
        queue,
        logger: silentLogger,
        horizon: 0,
        batch,
        maxQueued: Infinity,
      });
      while (await relay());
    }
    return await timed(servers, options.steps, async () => {
      const automation = await startAutomation({
        pool,
        redisUrl,
        queue: name,
        channels: [channel],
        concurrency: options.concurrency,
        canaryEvery: 3_600_000,
      });
      await untilEmpty(queue);
      // What is in Postgres only, and what ends just now.
      await automation.idle(600_000);
      return async () => {
        await automation.stop();
        const expected = deliveries ? options.steps : 0;
        if (calls !== expected || sent.size !== expected)
          throw new Error(`${calls} messages under ${sent.size} keys, and not ${expected}`);
        await expectMoved(pool, { step, count: options.steps, deliveries: expected, next: month.key });
      };
    });
  } finally {
    await queue.close();
    connections.close();
  }
}
