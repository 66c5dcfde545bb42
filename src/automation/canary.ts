import type { Pool } from '../database/pool.js';

/**
 * The canary: a number that goes the whole way of every job, from Postgres through the relay and Redis to a worker and
 * back into Postgres. A ping shows that a server answers; this shows that work gets done.
 */

/** Makes the next canary, unless another process made one within `every` milliseconds; answers its number, or null. */
export async function askCanary(pool: Pool, queue: string, every: number): Promise<string | null> {
  const { rows } = await pool.query<{ canary: string }>(ask, [queue, every]);
  return rows[0]?.canary ?? null;
}

/** Notes that a worker got hold of a canary. */
export async function answerCanary(pool: Pool, queue: string, canary: string): Promise<void> {
  await pool.query(answer, [queue, canary]);
}

/** Milliseconds since the last canary came back, on the clock of Postgres; null before the first. */
export async function canaryAge(pool: Pool, queue: string): Promise<number | null> {
  const { rows } = await pool.query<{ age: number | null }>(readAge, [queue]);
  return rows[0]?.age ?? null;
}

// A canary that is overdue is asked anew, so that one which Redis lost is not waited for.
const ask = `
  UPDATE redis_incarnations
  SET canary = canary + 1, canary_asked_at = date_trunc('milliseconds', statement_timestamp())
  WHERE queue = $1
    AND (canary_asked_at IS NULL OR canary_asked_at <= statement_timestamp() - $2 * interval '0.9 milliseconds')
  RETURNING canary`;

const answer = `
  UPDATE redis_incarnations
  SET canary_answered = $2::bigint, canary_answered_at = date_trunc('milliseconds', statement_timestamp())
  WHERE queue = $1 AND canary_answered < $2::bigint AND canary >= $2::bigint`;

const readAge = `
  SELECT greatest(0, extract(epoch FROM statement_timestamp() - canary_answered_at) * 1000)::double precision AS age
  FROM redis_incarnations WHERE queue = $1`;
