import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { startAutomation } from '../../src/automation/index.js';
import { silentLogger } from '../../src/automation/logger.js';
import { connectRedis } from '../../src/automation/redis/connection.js';
import { readSlice } from '../../src/automation/work/job.js';
import { relayRound } from '../../src/automation/work/relay.js';
import type { WorkQueue } from '../../src/automation/work/relay.js';
import type { Row } from '../table.js';
import { perStep, readCpu } from './cpu.js';
import type { SeriesOptions } from './options.js';
import { instantChannel, message, month, putInside, second } from './people.js';
import { withServers } from './servers.js';
import type { Servers } from './servers.js';

const queueName = 'bench';
/** Jobs that the relay lets wait in Redis, which is its default. */
const maxQueued = 300;

/**
 * A Redis that is emptied while a backlog is due. How long until the first step is delivered that was lost there, until
 * everything that was lost there has been offered again, and until a relay has offered the whole backlog.
 */
export async function wiped(options: SeriesOptions): Promise<Row[]> {
  return withServers(async (servers) => {
    const { pool } = servers;
    const dueAt = Date.now() - 1000;
    const steps = [message, month, second];
    const times = 10;
    await putInside(pool, { steps, step: message.key, count: options.pending, times, since: dueAt, dueAt });
    const lost = await wipeUnderLoad(servers);
    const offered = await offerAll(servers);
    const info = await servers.redis.info('memory');
    const megabytes = Number(/^used_memory_peak:(\d+)/m.exec(info)?.[1]) / 1e6;
    return [
      row(`first send of the ${lost.count} steps that Redis had held`, lost.firstSend, 's', 5),
      row('the last of them offered again', lost.lastOffer, 's', 60),
      row(`one relay offers ${offered.count} steps, Redis emptied as it fills`, offered.seconds, 's', 60),
      { what: 'processor time of each', found: offered.cpu, unit: 'us', goal: '', reached: '' },
      row('Redis, at most', megabytes, 'MB', 200),
    ];
  });
}

function row(what: string, found: number, unit: string, limit: number): Row {
  return { what, found, unit, goal: `< ${limit}`, reached: found < limit };
}

interface Lost {
  readonly count: number;
  /** Seconds since Redis was emptied. */
  readonly firstSend: number;
  readonly lastOffer: number;
}

/** One process with everything, in the middle of its work. */
async function wipeUnderLoad({ pool, redis, redisUrl }: Servers): Promise<Lost> {
  let calls = 0;
  const sent = new Set<string>();
  const channel = instantChannel((key) => {
    calls += 1;
    sent.add(key);
  });
  const automation = await startAutomation({
    pool,
    redisUrl,
    queue: queueName,
    maxQueued,
    channels: [channel],
  });
  while (sent.size < 1000) await sleep(10);
  // The relay is ahead of the worker by as much as it may.
  let waiting = 0;
  for (let looks = 0; looks < 100 && waiting < maxQueued / 2; looks += 1) {
    waiting = await redis.llen(`bull:${queueName}:wait`);
    await sleep(50);
  }
  const { rows: times } = await pool.query<{ now: number }>(clock);
  await redis.flushall();
  const at = times[0]?.now ?? Number.NaN;
  // Until all that was lost is delivered: whatever was offered a second time was lost the first time.
  let found: Lost | undefined;
  while (found === undefined) {
    await sleep(1000);
    const { rows } = await pool.query<{ again: number; open: number; offered: number; sent: number }>(
      readLost,
      [message.key],
    );
    const [now] = rows;
    if (now !== undefined && now.again > 0 && now.open === 0)
      found = { count: now.again, firstSend: (now.sent - at) / 1000, lastOffer: (now.offered - at) / 1000 };
  }
  await automation.stop();
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::integer AS count FROM deliveries`);
  if (calls !== sent.size || rows[0]?.count !== sent.size)
    throw new Error('something was sent twice, or not at all');
  return found;
}

const clock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now`;

const readLost = `
  SELECT count(*)::integer AS again,
    (count(*) FILTER (WHERE w.state <> 'done'))::integer AS open,
    (extract(epoch FROM max(w.enqueued_at)) * 1000)::double precision AS offered,
    (extract(epoch FROM min(d.delivered_at)) * 1000)::double precision AS sent
  FROM work w LEFT JOIN deliveries d ON d.workspace_id = w.workspace_id AND d.id = w.delivery_id
  WHERE w.step = $1 AND w.epoch > 1`;

/** What is left is offered by one relay alone; workers elsewhere are played by emptying Redis when it is half full. */
async function offerAll(servers: Servers): Promise<{ count: number; seconds: number; cpu: number }> {
  const { pool, redis, redisUrl } = servers;
  await redis.flushall();
  const connections = await connectRedis(redisUrl, { logger: silentLogger, timeout: 5000 });
  const queue: WorkQueue = new Queue(queueName, { connection: connections.producer });
  try {
    const relay = relayRound({
      pool,
      redis: connections.producer,
      queue,
      logger: silentLogger,
      horizon: 2000,
      batch: 2000,
      maxQueued,
    });
    const before = await readCpu(servers);
    const started = performance.now();
    let count = 0;
    while (await relay()) {
      if ((await queue.getJobCountByTypes('waiting')) < maxQueued / 2) continue;
      count += await stepsOf(queue);
      await queue.drain();
    }
    count += await stepsOf(queue);
    const seconds = (performance.now() - started) / 1000;
    const { node, postgres, redis: inRedis } = perStep(before, await readCpu(servers), count);
    const { rows } = await pool.query<{ open: number; offered: number }>(
      `SELECT (count(*) FILTER (WHERE state = 'pending'))::integer AS open,
        (count(*) FILTER (WHERE state = 'enqueued'))::integer AS offered FROM work WHERE step = $1`,
      [message.key],
    );
    if (rows[0]?.open !== 0 || rows[0].offered !== count)
      throw new Error(`${count} steps came to Redis, and Postgres knows ${JSON.stringify(rows[0])}`);
    return { count, seconds, cpu: node + postgres + inRedis };
  } finally {
    await queue.close();
    connections.close();
  }
}

async function stepsOf(queue: WorkQueue): Promise<number> {
  const jobs = await queue.getJobs(['waiting']);
  return jobs.reduce((count, { data }) => count + (readSlice(data)?.length ?? 0), 0);
}
