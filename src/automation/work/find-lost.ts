import type { Redis } from 'ioredis';
import type { Pool } from '../../database/pool.js';
import { offerAgain } from './give-back.js';
import { readSlice } from './job.js';
import type { WorkJob } from './job.js';
import type { WorkQueue } from './relay.js';

export interface LostOptions {
  readonly pool: Pool;
  readonly redis: Redis;
  readonly queue: WorkQueue;
  /** Milliseconds after which a row that is still enqueued is looked for in Redis. */
  readonly age: number;
}

/** Rows looked at in one round. */
const most = 10_000;

/**
 * Finds rows that are enqueued and whose job Redis does not have: a relay that died before it offered them, a job that
 * ended without a claim, a worker that died with it. They are due again at once, so that neither waits for the slow sweep. A function that answers how
 * many it found; each round goes on where the last one stopped.
 *
 * A job that was only late to arrive is of an older epoch by then, and is dropped. While Redis does not answer nothing is
 * known, and nothing is done.
 */
export function lostFinder(options: LostOptions): () => Promise<number> {
  const { pool, age } = options;
  let after = '0';
  return async () => {
    const { rows } = await pool.query<WorkJob>(findEnqueued, [age, after, most]);
    after = rows.length < most ? '0' : (rows.at(-1)?.work ?? '0');
    if (rows.length === 0) return 0;
    return offerAgain(pool, await notInRedis(options, rows));
  };
}

/**
 * Those that no job carries for which somebody will come. A worker that has taken a job keeps a lock on it; where that is
 * gone the worker is, and BullMQ would give the job to another one only later.
 *
 * Jobs are looked for after the rows were read and where they wait first, so that none is missed on its way to a worker.
 */
async function notInRedis({ redis, queue }: LostOptions, rows: readonly WorkJob[]): Promise<WorkJob[]> {
  try {
    const waiting = await queue.getJobs(['waiting', 'delayed']);
    const active = await queue.getJobs(['active']);
    const locks = redis.pipeline();
    for (const { id = '' } of active) locks.exists(`${queue.toKey(id)}:lock`);
    const locked = (await locks.exec()) ?? [];
    const held = active.filter((_, index) => locked[index]?.[1] !== 0);
    const carried = new Set(
      [...waiting, ...held].flatMap(({ data }) => (readSlice(data) ?? []).map((step) => nameOf(step))),
    );
    return rows.filter((row) => !carried.has(nameOf(row)));
  } catch {
    return [];
  }
}

/** Ids of rows differ across workspaces. */
function nameOf({ work, epoch }: WorkJob): string {
  return `${work} ${epoch}`;
}

const findEnqueued = `
  SELECT workspace_id AS workspace, id AS work, epoch FROM work
  WHERE kind = 'step' AND state = 'enqueued' AND enqueued_at < statement_timestamp() - $1 * interval '1 millisecond' AND id > $2::bigint
  ORDER BY id
  LIMIT $3`;
