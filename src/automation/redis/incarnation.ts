import type { Pool } from '../../database/pool.js';

/** The part of a Redis client that the counter needs. */
export interface CounterStore {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
}

/**
 * Makes sure that Redis still is the server that work was enqueued to.
 *
 * A counter in Redis must equal the one committed in Postgres. Missing or different means flushed, restored from an old
 * dump or a replica that lagged: then everything enqueued becomes pending again and both counters move on. Answers how
 * many rows became pending, or null where nothing had happened.
 *
 * Postgres first: a crash before Redis is written only repeats the step.
 */
export async function checkIncarnation(
  pool: Pool,
  redis: CounterStore,
  queue: string,
): Promise<number | null> {
  const key = `muster:${queue}:incarnation`;
  const inRedis = await redis.get(key);
  const { rows } = await pool.query<{ counter: string }>(readCounter, [queue]);
  const inPostgres = rows[0]?.counter ?? '0';
  if (inRedis !== null && inRedis === inPostgres) return null;
  const { rows: begun } = await pool.query<{ counter: string; count: number }>(beginIncarnation, [
    queue,
    inPostgres,
  ]);
  const incarnation = begun[0];
  // Another process was faster; the next check sees what it wrote.
  if (incarnation === undefined) return null;
  await redis.set(key, incarnation.counter);
  return incarnation.count;
}

const readCounter = `SELECT counter FROM redis_incarnations WHERE queue = $1`;

// Rows locked just now are being claimed or offered, so they are not lost; the sweep finds what this leaves.
const beginIncarnation = `
  WITH begun AS (
    INSERT INTO redis_incarnations (queue, counter) VALUES ($1, $2::bigint + 1)
    ON CONFLICT (queue) DO UPDATE SET counter = redis_incarnations.counter + 1
      WHERE redis_incarnations.counter = $2::bigint
    RETURNING counter
  ),
  lost AS MATERIALIZED (
    SELECT workspace_id, id FROM work
    WHERE state = 'enqueued' AND EXISTS (SELECT FROM begun)
    FOR NO KEY UPDATE SKIP LOCKED
  ),
  renewed AS (
    UPDATE work w SET state = 'pending'
    FROM lost WHERE w.workspace_id = lost.workspace_id AND w.id = lost.id
    RETURNING 1
  )
  SELECT begun.counter, (SELECT count(*)::integer FROM renewed) AS count FROM begun`;
