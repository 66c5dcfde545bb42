import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { saveSeries } from '../../src/automation/index.js';
import { inTransaction } from '../../src/database/transaction.js';
import { takeIn } from '../../src/automation/outbox/intake.js';
import { silentLogger } from '../../src/automation/logger.js';
import { beginDeliveries } from '../../src/automation/work/begin-delivery.js';
import type { BeginRequest } from '../../src/automation/work/begin-delivery.js';
import { claimWork } from '../../src/automation/work/claim.js';
import type { Claim, ClaimRequest } from '../../src/automation/work/claim.js';
import { finishWork } from '../../src/automation/work/finish.js';
import type { FinishRequest } from '../../src/automation/work/finish.js';
import { jobIdOf, readSlice, sliceOf } from '../../src/automation/work/job.js';
import type { WorkJob } from '../../src/automation/work/job.js';
import { offer } from '../../src/automation/work/relay.js';
import type { WorkQueue } from '../../src/automation/work/relay.js';
import { sweepWork } from '../../src/automation/work/sweep.js';
import { takeDue } from '../../src/automation/work/take-due.js';
import type { DueJob } from '../../src/automation/work/take-due.js';
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
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const intake = { limit: 500, maxAttempts: 3, wait: () => 0, logger: silentLogger };
const due = { horizon: 2000, limit: 1000, after: '' };
const longLease = 60_000;
const tokens = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;

/** A queue that the test itself offers jobs to. */
function queueOf(name: string): { queue: WorkQueue; redis: Redis } {
  const redis = new Redis(fixture().redis.url, { maxRetriesPerRequest: null });
  const queue: WorkQueue = new Queue(name, { connection: redis });
  closing.push(async () => {
    await queue.close();
    redis.disconnect();
  });
  return { queue, redis };
}

/** One person inside a series of one step, whose work row is enqueued and in no Redis. */
async function oneEnqueued(): Promise<DueJob> {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  await identifyNew(pool, 'u1');
  expect(await takeIn(pool, intake)).toEqual({ rows: 1, entered: 1, failed: 0, woken: 0 });
  const [job] = await takeDue(pool, due);
  if (job === undefined) throw new Error('nothing was due');
  return job;
}

/** The same after it was put back once, so that it has an epoch behind it. Nobody else sees it pending. */
async function oneEnqueuedTwice(): Promise<DueJob> {
  const { pool } = fixture();
  await saveSeries(pool, workspace, seriesOf('one'));
  return inTransaction(pool, async (client) => {
    await client.query(`INSERT INTO end_users (workspace_id, user_id) VALUES ($1, 'u1')`, [workspace]);
    await client.query(
      `INSERT INTO enrollments (workspace_id, series_key, version, end_user_id, step)
       SELECT workspace_id, 'one', 1, id, 'step-1' FROM end_users`,
    );
    const { rows } = await client.query<{ work: string }>(
      `INSERT INTO work (workspace_id, series_key, enrollment_id, step, due_at, state, epoch, enqueued_at)
       SELECT workspace_id, 'one', id, 'step-1', now(), 'enqueued', 2, now() FROM enrollments RETURNING id AS work`,
    );
    return { workspace, work: rows[0]?.work ?? '', epoch: 2, delay: 0 };
  });
}

async function claimOne(job: ClaimRequest, lease = longLease): Promise<Claim | null> {
  const [claim] = await claimWork(fixture().pool, [job], lease);
  return claim ?? null;
}

function doneWith({ work, enrollment, token }: Claim): FinishRequest {
  return {
    workspace,
    work,
    token,
    enrollment,
    pokes: 0,
    state: 'done',
    error: null,
    delivery: 'delivered',
    contact: true,
    to: { state: 'completed', reason: 'end' },
    trail: [],
  };
}

function beginWith({ work }: WorkJob, token: string, text = 'hello'): BeginRequest {
  const message = { title: null, text };
  return {
    workspace,
    work,
    token,
    kind: 'send',
    channel: 'log',
    message,
    endUser: '',
    caps: [],
  };
}

const sending = (text = 'hello'): unknown => {
  return { verdict: 'send', message: { title: null, text }, createdAt: expect.any(Number) as unknown };
};

test('redis flushed while work is enqueued: everything is still delivered, each once', async () => {
  const { pool, start } = fixture();
  const queue = queueName();
  const { queue: manual, redis } = queueOf(queue);
  await saveSeries(pool, workspace, seriesOf('one'));
  const first = await start({ queue });
  await first.idle();
  await first.stop();

  await identifyMany(pool, 'p', 50);
  await takeIn(pool, intake);
  await offer(manual, await takeDue(pool, due));
  const waiting = await manual.getJobs(['waiting']);
  expect(waiting.flatMap(({ data }) => readSlice(data) ?? [])).toHaveLength(50);
  await redis.flushall();
  expect(await workStates(pool)).toEqual({ enqueued: 50 });

  // The sweep is far away: only the new incarnation can bring the rows back.
  const { lines, sink } = recorder();
  const second = await start({ queue, logSink: sink, enqueuedFor: 3_600_000 });
  await second.idle();
  expect(new Set(lines.map((line) => line.user)).size).toBe(50);
  expect(lines).toHaveLength(50);
});

test('redis flushed while the automation runs: what comes later is delivered as well', async () => {
  const { pool, start } = fixture();
  const { redis } = queueOf(queueName());
  await saveSeries(pool, workspace, seriesOf('one'));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink, enqueuedFor: 3_600_000 });
  await identifyMany(pool, 'p', 200);
  automation.nudge();
  await until('the first deliveries', () => lines.length > 0);
  await redis.flushall();
  await identifyMany(pool, 'q', 200);
  await automation.idle();
  expect(lines).toHaveLength(400);
  expect(new Set(lines.map((line) => line.delivery)).size).toBe(400);
});

test('a relay that stops between its commit and redis loses nothing: the sweep offers the row again', async () => {
  const { start } = fixture();
  const queue = queueName();
  const before = await start({ queue });
  await before.idle();
  await before.stop();
  const job = await oneEnqueued();
  const { lines, sink } = recorder();
  const automation = await start({ queue, logSink: sink, enqueuedFor: 1, sweepEvery: 50 });
  await automation.idle();
  expect(lines.map((line) => line.user)).toEqual(['u1']);
  const { rows } = await fixture().pool.query<{ epoch: number }>('SELECT epoch FROM work');
  expect(rows[0]?.epoch).toBeGreaterThan(job.epoch);
});

test('a job of another epoch is dropped, and one offered twice runs once', async () => {
  const { pool, start } = fixture();
  const queue = queueName();
  const { queue: manual } = queueOf(queue);
  const { lines, sink } = recorder();
  await (await start({ queue, logSink: sink, enqueuedFor: 3_600_000 })).idle();
  const job = await oneEnqueuedTwice();
  const { workspace: owner, work, epoch } = job;
  const give = async (epochs: readonly number[]): Promise<void> => {
    const data = epochs.map((number) => sliceOf([{ workspace: owner, work, epoch: number }]));
    const opts = { removeOnComplete: true, removeOnFail: true };
    await manual.addBulk(data.map((each) => ({ name: 'work', data: each, opts })));
    await until(
      'every job to be taken',
      async () => (await manual.getJobCountByTypes('waiting', 'active')) === 0,
    );
  };
  await give([epoch - 1, epoch + 1]);
  expect(lines).toEqual([]);
  expect(await workStates(pool)).toEqual({ enqueued: 1 });
  await give([epoch, epoch]);
  expect(lines.map((line) => line.user)).toEqual(['u1']);
  const { rows } = await pool.query('SELECT state, attempts, epoch FROM work');
  expect(rows).toEqual([{ state: 'done', attempts: 1, epoch }]);
});

test('job ids hold the epoch, are not digits only and have no colon', () => {
  expect(jobIdOf([{ workspace: 'sample', work: '12', epoch: 3 }])).toBe('w-12-3');
});

test('of two claims of one job one holds; asking again with the same token answers the same claim', async () => {
  const job = await oneEnqueued();
  const first = await claimOne({ ...job, token: tokens[0] });
  expect(first).toMatchObject({ work: job.work, attempt: 1, user: { user_id: 'u1' } });
  expect(await claimOne({ ...job, token: tokens[1] })).toBeNull();
  expect(await claimOne({ ...job, token: tokens[0] })).toMatchObject({ token: tokens[0] });
});

test('both copies of a job in one batch: one holds', async () => {
  const job = await oneEnqueued();
  const claims = await claimWork(
    fixture().pool,
    tokens.map((token) => ({ ...job, token })),
    longLease,
  );
  expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
});

test('steps that lost their worker together come again at once, and the next times each by itself, further and further apart', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  const waits: number[] = [];
  let enqueued: WorkJob = job;
  for (let death = 1; death <= 8; death += 1) {
    expect(await claimOne({ ...enqueued, token: tokens[0] }, 0)).toMatchObject({ attempt: death });
    await sweepWork(pool, { parking: [], enqueuedFor: 60_000, jitter: () => 0.5 });
    const { rows } = await pool.query<{ wait: number }>(
      `SELECT greatest(0, round(extract(epoch FROM due_at - now())))::integer AS wait FROM work WHERE id = $1`,
      [enqueued.work],
    );
    waits.push(rows[0]?.wait ?? -1);
    await pool.query(`UPDATE work SET due_at = now() WHERE id = $1`, [enqueued.work]);
    const [again] = await takeDue(pool, due);
    if (again === undefined) throw new Error('the row was not due again');
    enqueued = again;
  }
  expect(waits).toEqual([0, 2, 4, 8, 16, 30, 30, 30]);
});

test('a worker that lost its lease can neither send nor mark done', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  // A lease of no length is over at once, as for a worker that was frozen.
  const lost = await claimOne({ ...job, token: tokens[0] }, 0);
  expect(lost).not.toBeNull();
  expect(await sweepWork(pool, { parking: [], enqueuedFor: 60_000 })).toMatchObject({ expired: 1 });
  const [again] = await takeDue(pool, due);
  if (again === undefined) throw new Error('the row was not due again');
  const second = await claimOne({ ...again, token: tokens[1] });
  expect(second?.delivery).toBe(lost?.delivery);
  expect(second?.attempt).toBe(2);

  if (lost === null || second === null) throw new Error('both were claimed');
  expect(await beginDeliveries(pool, [beginWith(job, tokens[0])])).toEqual([{ verdict: 'lost' }]);
  expect(await finishWork(pool, [doneWith(lost)])).toEqual([false]);
  expect(await workStates(pool)).toEqual({ claimed: 1 });
  const { rows } = await pool.query('SELECT state FROM enrollments');
  expect(rows).toEqual([{ state: 'active' }]);

  expect(await beginDeliveries(pool, [beginWith(job, tokens[1])])).toEqual([sending()]);
  expect(await finishWork(pool, [doneWith(second)])).toEqual([true]);
  expect(await workStates(pool)).toEqual({ done: 1 });
});

test('nothing may be sent under a lease that is over, even where nobody else has the row yet', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  await claimOne({ ...job, token: tokens[0] }, 0);
  expect(await beginDeliveries(pool, [beginWith(job, tokens[0])])).toEqual([{ verdict: 'lost' }]);
  const { rowCount } = await pool.query('SELECT FROM deliveries');
  expect(rowCount).toBe(0);
});

test('a repeat carries the content of the first attempt, whatever the person is called by now', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  await claimOne({ ...job, token: tokens[0] });
  for (const text of ['Hello Ada', 'Hello Grace']) {
    expect(await beginDeliveries(pool, [beginWith(job, tokens[0], text)])).toEqual([sending('Hello Ada')]);
  }
});

test('a claim that ran out while its channel was called is parked where the channel knows no keys', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  await claimOne({ ...job, token: tokens[0] });
  await beginDeliveries(pool, [beginWith(job, tokens[0])]);
  await pool.query(`UPDATE work SET lease_until = now() - interval '1 second'`);
  expect(await sweepWork(pool, { parking: ['log'], enqueuedFor: 60_000 })).toMatchObject({
    parked: 1,
    expired: 0,
  });
  expect(await workStates(pool)).toEqual({ unknown: 1 });
  const { rows } = await pool.query('SELECT state FROM deliveries');
  expect(rows).toEqual([{ state: 'unknown' }]);
});

test('a begin that outlasts its lease is not taken for a worker that went away: what it sends is parked, not sent again', async () => {
  const { pool } = fixture();
  const job = await oneEnqueued();
  await claimOne({ ...job, token: tokens[0] }, 1000);
  // Writing the delivery down asks for the person's key, which somebody else has.
  const other = await pool.connect();
  try {
    await other.query('BEGIN; SELECT FROM end_users FOR UPDATE');
    const beginning = beginDeliveries(pool, [beginWith(job, tokens[0])]);
    await until('the lease to be over', async () => {
      const { rows } = await pool.query<{ over: boolean }>(
        `SELECT lease_until < now() AS over FROM work
         WHERE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`,
      );
      return rows[0]?.over === true;
    });
    const sweep = { parking: ['log'], enqueuedFor: 60_000 };
    expect(await sweepWork(pool, sweep)).toMatchObject({ expired: 0, parked: 0 });
    await other.query('COMMIT');
    expect(await beginning).toEqual([sending()]);
    expect(await sweepWork(pool, sweep)).toMatchObject({ expired: 0, parked: 1 });
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
});

test('two relays and two workers on 500 people: each gets both steps once', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('two', ['log', 'inbox']));
  const queue = queueName();
  const { lines, sink } = recorder();
  const options = { queue, logSink: sink, relayBatch: 40, intakeBatch: 30, concurrency: 20, poll: 20 };
  const [first] = await Promise.all([start(options), start(options)]);
  await identifyMany(pool, 'p', 500);
  await first.idle();
  expect(lines).toHaveLength(500);
  expect(new Set(lines.map((line) => line.user)).size).toBe(500);
  const { rows } = await pool.query(
    `SELECT channel, count(*)::integer AS count, max(attempts) AS attempts FROM deliveries
     WHERE state = 'delivered' GROUP BY channel ORDER BY channel`,
  );
  expect(rows).toEqual([
    { channel: 'inbox', count: 500, attempts: 1 },
    { channel: 'log', count: 500, attempts: 1 },
  ]);
  const { rows: entered } = await pool.query(
    'SELECT state, count(*)::integer AS count FROM enrollments GROUP BY state',
  );
  expect(entered).toEqual([{ state: 'completed', count: 500 }]);
});

test('every session of postgres killed in the middle: everything is still delivered', async () => {
  const { pool, start } = fixture();
  await saveSeries(pool, workspace, seriesOf('two', ['log', 'inbox']));
  const { lines, sink } = recorder();
  const automation = await start({ logSink: sink, lease: 1000, sweepEvery: 100, enqueuedFor: 2000 });
  await identifyMany(pool, 'p', 300);
  automation.nudge();
  for (const progress of [1, 100, 200]) {
    await until(`${progress} deliveries`, () => lines.length >= progress);
    await pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  }
  await until('an idle automation', async () =>
    automation.idle(500).then(
      () => true,
      () => false,
    ),
  );
  expect(new Set(lines.map((line) => line.delivery)).size).toBe(300);
  const { rows } = await pool.query(
    `SELECT count(*)::integer AS count FROM deliveries WHERE state = 'delivered'`,
  );
  expect(rows).toEqual([{ count: 600 }]);
});

test('a claim that is asked for again because its answer was lost is one attempt, not two', async () => {
  const request = { ...(await oneEnqueued()), token: tokens[0] };
  await claimWork(fixture().pool, [request], longLease);
  expect(await claimWork(fixture().pool, [request], longLease)).toMatchObject([{ attempt: 1 }]);
});
