import type { Pool } from '../../database/pool.js';
import { offerAgain } from './give-back.js';
import { readSlice } from './job.js';
import type { WorkJob } from './job.js';
import type { WorkQueue } from './relay.js';

export interface LostOptions {
  readonly pool: Pool;
  readonly queue: WorkQueue;
  /** Milliseconds after which a row that is still enqueued is looked for in Redis. */
  readonly age: number;
}

/** Rows looked at in one round. */
const most = 10_000;

/**
 * Finds rows that are enqueued and whose job Redis does not have: a relay that died before it offered them, a job that
 * ended without a claim. They are due again at once, so that neither waits for the slow sweep. A function that answers how
 * many it found; each round goes on where the last one stopped.
 *
 * A job that was only late to arrive is of an older epoch by then, and is dropped. While Redis does not answer nothing is
 * known, and nothing is done.
 */
export function lostFinder({ pool, queue, age }: LostOptions): () => Promise<number> {
  let after = '0';
  return async () => {
    const { rows } = await pool.query<WorkJob>(findEnqueued, [age, after, most]);
    after = rows.length < most ? '0' : (rows.at(-1)?.work ?? '0');
    if (rows.length === 0) return 0;
    return offerAgain(pool, await notInRedis(queue, rows));
  };
}

/** Those that no job of the queue carries. Jobs are looked for after the rows were read, so that none is missed on its way. */
async function notInRedis(queue: WorkQueue, rows: readonly WorkJob[]): Promise<WorkJob[]> {
  let jobs: Awaited<ReturnType<WorkQueue['getJobs']>>;
  try {
    jobs = await queue.getJobs(['waiting', 'delayed', 'active']);
  } catch {
    return [];
  }
  const carried = new Set(jobs.flatMap(({ data }) => (readSlice(data) ?? []).map(nameOf)));
  return rows.filter((row) => !carried.has(nameOf(row)));
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
