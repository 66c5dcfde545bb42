import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from '../../database/pool.js';
import type { Chunk } from './claim-chunk.js';
import type { RateLimit } from './model.js';

/** Milliseconds that a message of this limit takes up. */
export function spacingOf({ messages, per }: RateLimit): number {
  return (per === 'second' ? 1000 : 60_000) / messages;
}

/** Messages of one batch: those of a second, one in any case. They begin one after the other. */
export function batchOf(limit: RateLimit): number {
  return Math.max(1, Math.floor(1000 / spacingOf(limit)));
}

/** Milliseconds that a worker waits for its turn; what is further away is left in Postgres. */
const patience = 2000;

/**
 * Takes the next place for so many messages, over all workers together: a place begins when the one before it is over, by
 * the clock of Postgres. Waits for it where it is near; else takes none and answers how many milliseconds away it is.
 *
 * @param spacing milliseconds a message
 */
export async function takePlace(
  pool: Pool,
  chunk: Chunk,
  messages: number,
  spacing: number,
  signal: AbortSignal,
): Promise<number> {
  const { rows } = await pool.query<{ taken: boolean; ahead: number }>(take, [
    chunk.workspace,
    chunk.run,
    messages * spacing,
    patience,
  ]);
  const { taken = true, ahead = 0 } = rows[0] ?? {};
  if (!taken) return ahead;
  if (ahead > 0) await sleep(ahead, undefined, { signal }).catch(() => undefined);
  return 0;
}

const take = `
  WITH run AS MATERIALIZED (
    SELECT run.workspace_id, run.id, greatest(run.next_slot_at, run.quiet_until, statement_timestamp()) AS at
    FROM broadcast_runs run
    WHERE run.workspace_id = $1 AND run.id = $2::bigint
    FOR NO KEY UPDATE OF run
  ),
  place AS (
    SELECT run.*, ceil(extract(epoch FROM run.at - statement_timestamp()) * 1000)::integer AS ahead FROM run
  ),
  taken AS (
    UPDATE broadcast_runs run SET next_slot_at = place.at + $3 * interval '1 millisecond'
    FROM place
    WHERE run.workspace_id = place.workspace_id AND run.id = place.id AND place.ahead <= $4
    RETURNING 1
  )
  SELECT EXISTS (SELECT FROM taken) AS taken, place.ahead FROM place`;
