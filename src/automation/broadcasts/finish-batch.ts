import type { Pool } from '../../database/pool.js';
import { retryLost } from '../../traits/retry.js';
import type { Chunk } from './claim-chunk.js';
import { heldChunk } from './held-chunk.js';

/** What became of one recipient's call. */
export interface RecipientEnd {
  readonly number: number;
  /** `pending`: tried again after `wait` milliseconds. */
  readonly state: 'sent' | 'pending' | 'skipped' | 'failed' | 'unknown';
  readonly reason: string | null;
  readonly wait: number;
  /** Whether this attempt counts: one that the provider put off does not. */
  readonly counts: boolean;
  /** Whether this call may have arrived although nothing confirmed it. */
  readonly unsure: boolean;
}

export interface BatchEnd {
  readonly chunk: Chunk;
  readonly ends: readonly RecipientEnd[];
  /** Milliseconds for which the provider wants to be left alone; 0 where it said nothing. */
  readonly quiet: number;
}

/**
 * Ends a batch in one statement: recipients have their state, those who were reached count as contacted, and the run hears of
 * attempts that fail one after the other; where they are too many it is paused by its breaker, and what is pending stays so.
 *
 * Answers how many were written; fewer than given where somebody else holds the chunk.
 */
export async function finishBatch(pool: Pool, { chunk, ends, quiet }: BatchEnd): Promise<number> {
  const failures = ends.filter(({ state, counts }) => counts && state !== 'sent');
  const values = [
    chunk.workspace,
    chunk.work,
    chunk.token,
    ends.map(({ number }) => number),
    ends.map(({ state }) => state),
    ends.map(({ reason }) => reason),
    ends.map(({ wait }) => wait),
    ends.map(({ counts }) => counts),
    failures.length,
    failures.at(-1)?.reason ?? null,
    ends.some(({ state }) => state === 'sent'),
    quiet,
    ends.map(({ unsure }) => unsure),
  ];
  // Two broadcasts may reach for the same people in other orders.
  const { rows } = await retryLost(() => pool.query<{ count: number }>(finish, values));
  return rows[0]?.count ?? 0;
}

const trips = `NOT $11 AND run.failing + $9 >= run.breaker AND run.state = 'running'`;

const finish = `
  WITH chunk AS MATERIALIZED (${heldChunk}),
  ended AS (
    UPDATE broadcast_recipients p
    SET state = CASE WHEN result.state IN ('skipped', 'failed') AND (p.unsure OR result.unsure) THEN 'unknown' ELSE result.state END,
      reason = result.reason, unsure = p.unsure OR result.unsure,
      sent_at = CASE result.state WHEN 'sent' THEN date_trunc('milliseconds', statement_timestamp()) END,
      retry_at = CASE result.state WHEN 'pending' THEN statement_timestamp() + result.wait * interval '1 millisecond' END,
      attempts = p.attempts - CASE WHEN result.counts THEN 0 ELSE 1 END,
      message = CASE WHEN result.state IN ('pending', 'unknown') THEN p.message END
    FROM chunk
    CROSS JOIN unnest(
      (SELECT $4::integer[]), (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::double precision[]),
      (SELECT $8::boolean[]), (SELECT $13::boolean[])
    ) AS result (number, state, reason, wait, counts, unsure)
    WHERE p.workspace_id = chunk.workspace_id AND p.run_id = chunk.run_id AND p.number = result.number
      AND p.state IS NOT DISTINCT FROM 'sending'
    RETURNING p.workspace_id, p.end_user_id, p.state, p.sent_at
  ),
  contacted AS (
    UPDATE end_users u SET last_contacted_at = greatest(u.last_contacted_at, ended.sent_at)
    FROM ended
    WHERE u.workspace_id = ended.workspace_id AND u.id = ended.end_user_id AND ended.state = 'sent'
  ),
  told AS (
    UPDATE broadcast_runs run
    SET failing = CASE WHEN $11 THEN 0 ELSE run.failing + $9 END,
      state = CASE WHEN ${trips} THEN 'paused' ELSE run.state END,
      reason = CASE WHEN ${trips} THEN 'breaker' ELSE run.reason END,
      detail = CASE WHEN ${trips} THEN $10 ELSE run.detail END,
      quiet_until = CASE WHEN $12 > 0
        THEN greatest(run.quiet_until, statement_timestamp() + $12 * interval '1 millisecond') ELSE run.quiet_until END
    FROM chunk
    WHERE run.workspace_id = chunk.workspace_id AND run.id = chunk.run_id
      AND ($9 > 0 AND NOT $11 OR $11 AND run.failing > 0 OR $12 > 0)
  )
  SELECT count(*)::integer AS count FROM ended`;
