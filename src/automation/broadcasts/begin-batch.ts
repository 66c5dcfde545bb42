import type { Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { unreachableSql } from '../channels/properties.js';
import { contactsOfPerson } from '../facts/contacts.js';
import { lockContacts } from '../facts/lock-contacts.js';
import type { RenderedMessage } from '../work/render.js';
import type { Chunk } from './claim-chunk.js';
import { heldChunk } from './held-chunk.js';

export interface BeginRecipient {
  readonly number: number;
  readonly endUser: string | null;
  /** Null where everybody gets the same, or where it was kept by an earlier attempt. */
  readonly message: RenderedMessage | null;
  /** Whether it waits for an operator where its confirmation is lost. */
  readonly parks: boolean;
  /** Counted once more, under a lock: fewer than `messages` since `since` (milliseconds since 1970). */
  readonly caps: readonly { readonly messages: number; readonly since: number }[];
}

export interface BeginBatch {
  readonly chunk: Chunk;
  readonly channel: string;
  readonly topic: string | null;
  /** Attempts after which somebody is given up, also where each of them killed its worker. */
  readonly maxAttempts: number;
  readonly recipients: readonly BeginRecipient[];
}

/** Somebody who may be sent to now, and is written down as `sending`. */
export interface Begun {
  readonly number: number;
  /** As first rendered; null where everybody gets the same. */
  readonly message: RenderedMessage | null;
  readonly parks: boolean;
  /** This attempt's number; the first is 1. */
  readonly attempt: number;
}

/** What became of a batch. `stopped`: the run does not run, its provider wants to be left alone, or somebody else holds the chunk. */
export type BatchBegun =
  | { readonly stopped: true }
  | { readonly stopped: false; readonly sending: readonly Begun[]; readonly skipped: readonly string[] };

/**
 * Writes down who is about to be sent to, in one statement that asks for each once more whether they may be: who is gone,
 * suppressed, out of reach or over a cap is skipped with that reason, or unknown where an earlier call may have arrived. Nothing begins where the run was paused or cancelled:
 * whoever answered that waited for the batches before, and this one waits for them.
 */
export async function beginBatch(pool: Pool, batch: BeginBatch): Promise<BatchBegun> {
  const { chunk, channel, recipients } = batch;
  const values = [
    chunk.workspace,
    chunk.work,
    chunk.token,
    recipients.map(({ number }) => number),
    recipients.map(({ message }) => (message === null ? null : JSON.stringify(message))),
    batch.topic ?? '',
    batch.maxAttempts,
    recipients.map(({ parks }) => parks),
  ];
  if (recipients.every(({ caps }) => caps.length === 0)) {
    const { rows } = await pool.query<BegunRow>(beginFree(channel), values);
    return answerOf(rows);
  }
  return inTransaction(pool, async (client) => {
    // A statement of its own: the next one sees what those wrote who were waited for.
    await lockContacts(
      client,
      recipients.flatMap(({ endUser }) =>
        endUser === null ? [] : [{ workspace: chunk.workspace, endUser }],
      ),
    );
    const caps = recipients.map((recipient) =>
      JSON.stringify(
        recipient.caps.map(({ messages, since }) => ({ messages, since: new Date(since).toISOString() })),
      ),
    );
    const { rows } = await client.query<BegunRow>(beginCapped(channel), [...values, caps]);
    return answerOf(rows);
  });
}

interface BegunRow {
  readonly number: number | null;
  readonly state: 'sending' | 'skipped' | 'failed' | 'unknown';
  readonly reason: string | null;
  readonly message: RenderedMessage | null;
  readonly parks: boolean;
  readonly attempt: number;
}

function answerOf(rows: readonly BegunRow[]): BatchBegun {
  if (rows.length === 0) return { stopped: true };
  const known = rows.filter((row): row is BegunRow & { number: number } => row.number !== null);
  return {
    stopped: false,
    sending: known
      .filter(({ state }) => state === 'sending')
      .map(({ number, message, parks, attempt }) => ({ number, message, parks, attempt })),
    skipped: known.filter(({ state }) => state === 'skipped').map(({ reason }) => reason ?? ''),
  };
}

const beginFree = (channel: string): string => beginStatement(channel, 'false', '');

const beginCapped = (channel: string): string =>
  beginStatement(
    channel,
    `EXISTS (
          SELECT FROM jsonb_to_recordset(request.caps) AS cap (messages integer, since timestamptz)
          WHERE cap.messages <= (
            SELECT count(*) FROM (${contactsOfPerson('p.workspace_id', 'p.end_user_id', 'cap.since')}) AS contact
          )
        )`,
    ', $9::jsonb[]',
  );

/**
 * A row for each recipient; one with nothing but NULL where none was still to be sent to; none at all where it may not go on.
 * Lookups are fenced (OFFSET 0) and the length of the list is kept from the planner, which would read whole tables for it.
 */
function beginStatement(channel: string, capped: string, caps: string): string {
  const listed = `unnest((SELECT $4::integer[]), (SELECT $5::jsonb[]), (SELECT $8::boolean[])${caps})`;
  const names = `number, message, parks${caps === '' ? '' : ', caps'}`;
  return `
  WITH held AS MATERIALIZED (${heldChunk}),
  chunk AS MATERIALIZED (
    SELECT held.* FROM held
    JOIN broadcast_runs run ON run.workspace_id = held.workspace_id AND run.id = held.run_id
    WHERE run.state = 'running' AND run.quiet_until <= statement_timestamp()
    FOR SHARE OF run
  ),
  verdict AS MATERIALIZED (
    SELECT p.workspace_id, p.run_id, p.number, request.message, request.parks, CASE
        WHEN u.id IS NULL THEN 'deleted'
        WHEN u.suppressed THEN 'suppressed'
        WHEN u.unreachable IS NOT NULL THEN 'unreachable'
        WHEN ${capped} THEN 'capped'
      END AS skip
    FROM chunk
    CROSS JOIN ${listed} AS request (${names})
    CROSS JOIN LATERAL (
      SELECT * FROM broadcast_recipients p
      WHERE p.workspace_id = chunk.workspace_id AND p.run_id = chunk.run_id AND p.number = request.number OFFSET 0
    ) AS p
    LEFT JOIN LATERAL (
      SELECT u.id, EXISTS (SELECT FROM muster_suppressing(u.workspace_id, u.user_id, u.email, $6::text)) AS suppressed,
        ${unreachableSql(channel, 'u')} AS unreachable
      FROM end_users u WHERE u.workspace_id = p.workspace_id AND u.id = p.end_user_id OFFSET 0
    ) AS u ON true
  ),
  marked AS (
    UPDATE broadcast_recipients p
    SET state = CASE
        WHEN verdict.skip IS NULL AND p.attempts < $7 THEN 'sending'
        WHEN p.unsure THEN 'unknown'
        WHEN verdict.skip IS NOT NULL THEN 'skipped'
        ELSE 'failed'
      END,
      reason = CASE
        WHEN verdict.skip IS NOT NULL THEN verdict.skip
        WHEN p.attempts >= $7 THEN coalesce(p.reason, 'it was tried too often')
      END,
      attempts = p.attempts + CASE WHEN verdict.skip IS NULL AND p.attempts < $7 THEN 1 ELSE 0 END,
      attempted_at = CASE WHEN verdict.skip IS NULL AND p.attempts < $7
        THEN date_trunc('milliseconds', statement_timestamp()) ELSE p.attempted_at END,
      retry_at = NULL, parks = verdict.parks,
      message = CASE WHEN verdict.skip IS NULL AND p.attempts < $7 THEN coalesce(p.message, verdict.message) END
    FROM verdict
    WHERE p.workspace_id = verdict.workspace_id AND p.run_id = verdict.run_id AND p.number = verdict.number
      AND p.state IS NOT DISTINCT FROM 'pending'
    RETURNING p.number, p.state, p.reason, p.message, p.parks, p.attempts AS attempt
  )
  SELECT marked.* FROM chunk LEFT JOIN marked ON true`;
}
