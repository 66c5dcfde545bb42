import { createServer } from 'node:net';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { saveSeries, startAutomation } from '../../src/automation/index.js';
import type { Logger } from '../../src/automation/index.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { silentLogger } from '../../src/automation/logger.js';
import { checkIncarnation } from '../../src/automation/redis/incarnation.js';
import { connectRedis, evictionPolicy, redisAddress } from '../../src/automation/redis/connection.js';
import { lostFinder } from '../../src/automation/work/find-lost.js';
import { offer, relayRound } from '../../src/automation/work/relay.js';
import type { WorkQueue } from '../../src/automation/work/relay.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import { testRedis } from '../support/redis.js';
import {
  identifyMany,
  identifyNew,
  queueName,
  recorder,
  seriesOf,
  until,
  useAutomation,
  workspace,
  workStates,
} from './support.js';

const fixture = useAutomation();
const intake = { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger };

/** A counter store in the place of Redis, so that its every value can be set. */
function counter(value: string | null): {
  value: string | null;
  get: () => Promise<string | null>;
  set: (key: string, value: string) => Promise<void>;
} {
  const store = {
    value,
    get: async () => store.value,
    set: async (_: string, next: string) => {
      store.value = next;
    },
  };
  return store;
}

test.each([
  ['redis://user:hunter2@127.0.0.1:1/0', 'redis://user@127.0.0.1:1/0'],
  ['redis://:hunter2@127.0.0.1:1', 'redis://127.0.0.1:1'],
  ['hunter2', 'REDIS_URL'],
  ['http://127.0.0.1:1?password=hunter2', 'REDIS_URL'],
])('a server that is out of reach is refused as such, without the password (%#)', async (url, shown) => {
  const refused = startAutomation({ pool: fixture().pool, redisUrl: url, connectTimeout: 2000 });
  await expect(refused).rejects.toMatchObject({ code: 'redis_unreachable', exit: 3 });
  await expect(refused).rejects.toThrow(`\`${shown}\``);
  await expect(refused).rejects.not.toThrow('hunter2');
});

test('a server that takes the connection and says nothing is given up after the time limit', async () => {
  const server = createServer((socket) => void socket.resume());
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(
    startAutomation({ pool: fixture().pool, redisUrl: `redis://127.0.0.1:${port}`, connectTimeout: 300 }),
  ).rejects.toMatchObject({ code: 'redis_unreachable' });
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

test('a wrong password is refused, a right one in the address is used', async () => {
  const { redis } = fixture();
  const admin = new Redis(redis.url);
  const withPassword = (password: string): string => {
    const url = new URL(redis.url);
    url.username = 'muster';
    url.password = password;
    return url.href;
  };
  try {
    await admin.call('ACL', 'SETUSER', 'muster', 'on', '>s3cret', '~*', '&*', '+@all');
    const connections = await connectRedis(withPassword('s3cret'), { logger: silentLogger, timeout: 2000 });
    expect(await connections.producer.call('ACL', 'WHOAMI')).toBe('muster');
    connections.close();
    const refused = connectRedis(withPassword('wr0ng'), { logger: silentLogger, timeout: 2000 });
    await expect(refused).rejects.toMatchObject({ code: 'redis_unreachable' });
    await expect(refused).rejects.not.toThrow('wr0ng');
  } finally {
    await admin.call('ACL', 'DELUSER', 'muster');
    admin.disconnect();
  }
});

test('addresses are shown without a password', () => {
  expect(redisAddress('rediss://a:b@host:6380/2')).toBe('rediss://a@host:6380/2');
  expect(redisAddress('postgres://host')).toBeNull();
});

test('a redis that may evict jobs is refused at the start, or served where that is allowed and told of', async () => {
  const { pool, redis, start } = fixture();
  const admin = new Redis(redis.url);
  // BullMQ has words of its own for it, and no logger.
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  try {
    expect(await evictionPolicy(admin)).toBeNull();
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await evictionPolicy(admin)).toBe('allkeys-lru');
    await expect(start()).rejects.toMatchObject({ code: 'redis_may_evict', exit: 3 });
    await saveSeries(pool, workspace, seriesOf('one'));
    await identifyNew(pool, 'ada');
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, message) => void said.push(message) };
    const { lines, sink } = recorder();
    const automation = await start({ evicting: 'degrade', logger, logSink: sink });
    await automation.idle();
    expect(lines.map((line) => line.user)).toEqual(['ada']);
    expect(said).toEqual([expect.stringContaining('redis may evict jobs')]);
    expect(await automation.health()).toMatchObject({ redis: 'evicting' });
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    expect(await automation.health()).toMatchObject({ redis: 'ok' });
  } finally {
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    warn.mockRestore();
    admin.disconnect();
  }
});

test('a counter in redis that is missing, lower or higher makes enqueued rows pending; an equal one does not', async () => {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyMany(pool, 'p', 3);
  await takeIn(pool, intake);
  const store = counter(null);
  expect(await checkIncarnation(pool, store, 'q')).toBe(0);
  expect(store.value).toBe('1');
  const enqueue = async (): Promise<unknown> =>
    pool.query(`UPDATE work SET state = 'enqueued', enqueued_at = now()`);
  await enqueue();
  expect(await checkIncarnation(pool, store, 'q')).toBeNull();
  expect(await workStates(pool)).toEqual({ enqueued: 3 });
  for (const wrong of [null, '0', '99']) {
    await enqueue();
    store.value = wrong;
    expect(await checkIncarnation(pool, store, 'q')).toBe(3);
    expect(await workStates(pool)).toEqual({ pending: 3 });
    expect(await checkIncarnation(pool, store, 'q')).toBeNull();
  }
  expect(store.value).toBe('4');
});

test('several processes that find the counter missing agree on one', async () => {
  const { pool } = fixture();
  const store = counter(null);
  await Promise.all(Array.from({ length: 8 }, () => checkIncarnation(pool, store, 'q')));
  for (let round = 0; round < 5; round += 1) await checkIncarnation(pool, store, 'q');
  const { rows } = await pool.query<{ counter: string }>(
    `SELECT counter FROM redis_incarnations WHERE queue = 'q'`,
  );
  expect(store.value).toBe(rows[0]?.counter);
});

test('the relay takes nothing while redis does not answer', async () => {
  const { pool, redis } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyMany(pool, 'p', 3);
  await takeIn(pool, intake);
  const connections = await connectRedis(redis.url, { logger: silentLogger, timeout: 2000 });
  const queue: WorkQueue = new Queue('away', { connection: connections.producer });
  queue.on('error', () => undefined);
  await queue.waitUntilReady();
  connections.close();
  const round = relayRound({
    pool,
    redis: connections.producer,
    queue,
    logger: silentLogger,
    horizon: 0,
    batch: 10,
    maxQueued: 10,
  });
  await expect(round()).rejects.toThrow(/writeable|closed/);
  expect(await workStates(pool)).toEqual({ pending: 3 });
  await queue.close();
});

test('redis gone and back, empty: what happened meanwhile is delivered without a restart', async () => {
  const { pool, redis, start } = fixture();
  const said: string[] = [];
  const logger: Logger = {
    info: (_, message) => void said.push(message),
    warn: (_, message) => void said.push(message),
    error: (_, message) => void said.push(message),
  };
  await saveSeries(pool, workspace, seriesOf('one'));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink, logger, enqueuedFor: 3_600_000 });
  await identifyNew(pool, 'before');
  await automation.idle();
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null });
  // Everybody is cut off, the data go, and for a while nobody gets in.
  await admin.flushall();
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await admin.call('CLIENT', 'PAUSE', 500, 'ALL');
  await identifyMany(pool, 'p', 20);
  automation.nudge();
  await automation.idle();
  expect(new Set(lines.map((line) => line.user)).size).toBe(21);
  expect(lines).toHaveLength(21);
  expect(said).toContain('redis began anew; what it held is offered again');
  admin.disconnect();
});

test('redis holds ids only', async () => {
  const { pool, redis, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'secret-user', { name: 'Secret Name' });
  const admin = new Redis(redis.url);
  const automation = await start({ queue: 'ids-only' });
  await automation.stop();
  await takeIn(pool, intake);
  const connections = await connectRedis(redis.url, { logger: silentLogger, timeout: 2000 });
  const queue: WorkQueue = new Queue('ids-only', { connection: connections.producer });
  const round = relayRound({
    pool,
    redis: connections.producer,
    queue,
    logger: silentLogger,
    horizon: 0,
    batch: 10,
    maxQueued: 10,
  });
  await round();
  const { rows } = await pool.query<{ id: string; epoch: number }>('SELECT id, epoch FROM work');
  const jobs = await queue.getJobs(['waiting']);
  const data = jobs.flatMap((job) => (job.name === 'work' ? [job.data] : []));
  expect(data).toEqual([{ steps: [[workspace, rows[0]?.id, rows[0]?.epoch]] }]);
  await queue.close();
  connections.close();
  admin.disconnect();
});

test('stopping twice is stopping once, and nothing is claimed afterwards', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink });
  await Promise.all([automation.stop(), automation.stop()]);
  await identifyNew(pool, 'ada');
  await takeIn(pool, intake);
  expect(lines).toEqual([]);
  expect(await workStates(pool)).toEqual({ pending: 1 });
});

test('a channel that does not come back holds the stop no longer than the drain time, and its step is not lost', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  let sending = false;
  const automation = await start({
    drain: 100,
    logSink: async () => {
      sending = true;
      await new Promise(() => {});
    },
  });
  await identifyNew(pool, 'ada');
  automation.nudge();
  await until('the send', () => sending);
  const begun = performance.now();
  await automation.stop();
  // Ten seconds is the drain time of who names none.
  expect(performance.now() - begun).toBeLessThan(9000);
  await until('the step to be due again', async () => (await workStates(pool))['pending'] === 1);
});

test('redis gone for good: the stop ends all the same, and the work is still in postgres', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  const own = await testRedis();
  const automation = await start({ redisUrl: own.url, drain: 300 });
  await automation.idle();
  await own.stop();
  await identifyMany(pool, 'p', 3);
  automation.nudge();
  await until('the intake', async () => (await workStates(pool))['pending'] === 3);
  await automation.stop();
  expect(await workStates(pool)).toEqual({ pending: 3 });
});

test('what a relay took and never offered is found in seconds, without the slow sweep', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'u1');
  await takeIn(pool, intake);
  // As a relay leaves it that dies between its commit and Redis.
  const [job] = await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  expect(job?.epoch).toBe(1);
  const { lines, sink } = recorder();
  // The first look at Redis begins a new life, which would find the row too.
  const first = await start({ logSink: sink, queue: 'lost', lostAfter: 3_600_000, enqueuedFor: 3_600_000 });
  await until('the message', () => lines.length === 1);
  await first.stop();
  await identifyNew(pool, 'u2');
  await takeIn(pool, intake);
  await takeDue(pool, { horizon: 2000, limit: 10, after: '' });
  await start({ logSink: sink, queue: 'lost', lostAfter: 100, sweepEvery: 50, enqueuedFor: 3_600_000 });
  await until('the message', () => lines.length === 2);
});

test('what a worker took from redis and died with before it was claimed is found once its lock is over', async () => {
  const { pool, redis } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyMany(pool, 'p', 3);
  await takeIn(pool, intake);
  const connections = await connectRedis(redis.url, { logger: silentLogger, timeout: 2000 });
  const queue: WorkQueue = new Queue('dead', { connection: connections.producer });
  const dead = new Worker('dead', null, { connection: connections.consumer, lockDuration: 60_000 });
  try {
    await offer(queue, await takeDue(pool, { horizon: 2000, limit: 10, after: '' }));
    const findLost = lostFinder({ pool, redis: connections.producer, queue, age: 0 });
    expect(await findLost()).toBe(0);
    const job = await dead.getNextJob('its token', { block: false });
    expect(await findLost()).toBe(0);
    expect(await connections.producer.del(`${queue.toKey(job?.id ?? '')}:lock`)).toBe(1);
    expect(await findLost()).toBe(3);
    expect(await workStates(pool)).toEqual({ pending: 3 });
  } finally {
    await dead.close();
    await queue.close();
    connections.close();
  }
});

test('a step that Redis lets go before its time, as by a clock that is wrong, is not done before it', async () => {
  const { pool, redis, start } = fixture();
  const queue = queueName();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'u1');
  await takeIn(pool, intake);
  await pool.query(`UPDATE work SET due_at = now() + interval '1 hour'`);
  const automation = await start({ queue, horizon: 7_200_000, drain: 50 });
  const jobs = new Queue(queue, { connection: { url: redis.url } });
  try {
    await until('its job waits for the hour', async () => (await jobs.getDelayedCount()) === 1);
    await jobs.promoteJobs();
    await until('a worker has it', async () => (await workStates(pool))['claimed'] === 1);
  } finally {
    await jobs.close();
  }
  await automation.stop();
  const { rows } = await pool.query('SELECT state, attempts FROM work');
  expect(rows).toEqual([{ state: 'pending', attempts: 0 }]);
  expect((await pool.query('SELECT FROM deliveries')).rowCount).toBe(0);
});
