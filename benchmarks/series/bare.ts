import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { silentLogger } from '../../src/automation/logger.js';
import { connectRedis } from '../../src/automation/redis/connection.js';
import { jobIdOf, sliceOf } from '../../src/automation/work/job.js';
import type { WorkQueue } from '../../src/automation/work/relay.js';
import { perStep, readCpu } from './cpu.js';
import type { Cpu } from './cpu.js';
import { workspace } from './servers.js';
import type { Servers } from './servers.js';

export interface Measured {
  readonly perSecond: number;
  readonly cpu: Cpu;
}

/** Jobs that are added to Redis, or taken by the relay, at once. */
export const batch = 1000;

/**
 * BullMQ by itself: as many jobs as steps, whose processor does nothing, with the options that Muster's have.
 *
 * @param preloaded whether all of them wait in Redis when the clock starts; else they are added meanwhile
 */
export async function runBare(
  servers: Servers,
  options: { readonly steps: number; readonly concurrency: number },
  name: string,
  preloaded: boolean,
): Promise<Measured> {
  const connections = await connectRedis(servers.redisUrl, { logger: silentLogger, timeout: 5000 });
  const queue: WorkQueue = new Queue(name, { connection: connections.producer });
  const add = async (): Promise<void> => {
    for (let from = 0; from < options.steps; from += batch) {
      const length = Math.min(batch, options.steps - from);
      await queue.addBulk(
        Array.from({ length }, (_, at) => {
          const step = [{ workspace, work: String(from + at + 1), epoch: 1 }] as const;
          const opts = { jobId: jobIdOf(step), removeOnComplete: true, removeOnFail: true, attempts: 1 };
          return { name: 'work' as const, data: sliceOf(step), opts };
        }),
      );
    }
  };
  try {
    if (preloaded) await add();
    let seen = 0;
    return await timed(servers, options.steps, async () => {
      const worker = new Worker(
        name,
        async () => {
          seen += 1;
        },
        {
          connection: connections.consumer,
          concurrency: options.concurrency,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
        },
      );
      if (!preloaded) await add();
      await untilEmpty(queue);
      return async () => {
        await worker.close();
        if (seen !== options.steps) throw new Error(`${seen} jobs ran of ${options.steps}`);
      };
    });
  } finally {
    await queue.close();
    connections.close();
  }
}

/** Times what `run` does until it resolves; what that resolves to checks and cleans, and is not timed. */
export async function timed(
  servers: Servers,
  count: number,
  run: () => Promise<() => Promise<void>>,
): Promise<Measured> {
  const before = await readCpu(servers);
  const started = performance.now();
  const finish = await run();
  const seconds = (performance.now() - started) / 1000;
  const after = await readCpu(servers);
  await finish();
  return { perSecond: count / seconds, cpu: perStep(before, after, count) };
}

export async function untilEmpty(queue: WorkQueue): Promise<void> {
  while ((await queue.getJobCountByTypes('waiting', 'active', 'delayed')) > 0) await sleep(10);
}
