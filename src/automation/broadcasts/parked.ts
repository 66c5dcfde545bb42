import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import type { ParkedStep, Resolution } from '../work/parked.js';

/** A recipient of a broadcast who was given up, or of whom nobody knows whether they were reached. */
export interface ParkedRecipient {
  /** Id of the delivery, which providers saw as the idempotency key. */
  readonly id: string;
  readonly state: ParkedStep['state'];
  readonly broadcast: string;
  readonly run: string;
  readonly variant: string;
  /** Both null once the person is erased. */
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly channel: string;
  readonly kind: 'send';
  readonly attempts: number;
  readonly error: string | null;
  readonly attempted_at: Date | null;
  /** What it can be resolved as. */
  readonly resolvable_as: readonly Resolution[];
}

/** Which of them are meant; every part that is null or left out fits all. */
export interface WhichRecipients {
  readonly ids?: readonly string[] | undefined;
  readonly state?: ParkedStep['state'] | undefined;
  readonly broadcast?: string | undefined;
  readonly channel?: string | undefined;
}

/** The parked recipients of a workspace whose `place` lies behind `after`, the oldest first. */
export async function readParkedRecipients(
  client: Client,
  workspaceId: string,
  { state, broadcast }: WhichRecipients,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<(ParkedRecipient & { readonly place: string })[]> {
  const values = [workspaceId, state ?? null, broadcast ?? null, after, limit];
  const { rows } = await client.query<ParkedRecipient & { place: string }>(listPage, values);
  return rows;
}

/** Ids of the parked recipients that are meant; those that can be resolved so come first, and the oldest of them. */
export async function findParkedRecipients(
  client: Client,
  workspaceId: string,
  { ids, state, broadcast, channel }: WhichRecipients,
  as: Resolution,
  limit: number,
): Promise<string[]> {
  const values = [workspaceId, ids ?? null, state ?? null, broadcast ?? null, channel ?? null, as, limit];
  const { rows } = await client.query<{ id: string }>(find, values);
  return rows.map(({ id }) => id);
}

/**
 * Decides about a parked recipient as `resolveDelivery` says. False where no recipient is parked under that id.
 *
 * Errors: `recipient_gone` where a retry is wanted and there is nobody to send to any more.
 */
export async function resolveRecipient(
  client: Client,
  workspaceId: string,
  id: string,
  as: Resolution,
): Promise<boolean> {
  // The chunk first, as whoever sends does: it does not come to its end meanwhile and looks again at who is left in it.
  const { rows: found } = await client.query<{ chunk: string | null }>(lockChunk, [workspaceId, id]);
  if (found.length === 0) return false;
  const values = [workspaceId, id];
  const { rows } = await client.query<{ returns: boolean }>(lockParked, values);
  const [parked] = rows;
  if (parked === undefined) return false;
  if (as === 'retry') {
    if (!parked.returns) refuse('recipient_gone', { id });
    await client.query(sendAgain, values);
    await client.query(goOn, values);
    await client.query(openChunk, values);
    return true;
  }
  await client.query(as === 'delivered' ? confirm : giveUp, values);
  await client.query(putAway, values);
  return true;
}

/** Whether somebody can be sent to again: they are there, and nobody cancelled the run. */
const mayReturn = `r.end_user_id IS NOT NULL AND run.state <> 'cancelled'`;

const parkedRecipients = `
  FROM broadcast_parked parked
  JOIN broadcast_recipients r ON r.workspace_id = parked.workspace_id AND r.run_id = parked.run_id AND r.number = parked.number
  JOIN broadcast_runs run ON run.workspace_id = parked.workspace_id AND run.id = parked.run_id`;

const listPage = `
  SELECT parked.id AS place, parked.delivery_id AS id, r.state, run.broadcast_key AS broadcast, run.run, r.variant, u.user_id,
    u.anonymous_id, run.definition ->> 'channel' AS channel, 'send' AS kind, r.attempts::integer AS attempts, r.reason AS error,
    r.attempted_at, CASE WHEN ${mayReturn} THEN ARRAY['retry'] ELSE '{}' END || ARRAY['delivered', 'skip'] AS resolvable_as
  ${parkedRecipients}
  LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id
  WHERE parked.workspace_id = $1 AND ($2::text IS NULL OR r.state = $2) AND ($3::text IS NULL OR run.broadcast_key = $3)
    AND parked.id > $4::bigint
  ORDER BY parked.id
  LIMIT $5`;

const find = `
  SELECT parked.delivery_id AS id
  ${parkedRecipients}
  WHERE parked.workspace_id = $1 AND ($2::text[] IS NULL OR parked.delivery_id::text = ANY ($2::text[]))
    AND ($3::text IS NULL OR r.state = $3) AND ($4::text IS NULL OR run.broadcast_key = $4)
    AND ($5::text IS NULL OR run.definition ->> 'channel' = $5)
  ORDER BY CASE $6::text WHEN 'retry' THEN ${mayReturn} ELSE true END DESC, parked.id
  LIMIT $7`;

const ofDelivery = `parked.workspace_id = $1 AND parked.delivery_id::text = $2`;

const chunkOf = `w.workspace_id = parked.workspace_id AND w.run_id = parked.run_id AND w.kind = 'chunk'
    AND parked.number BETWEEN w.first_number AND w.last_number`;

const lockChunk = `
  SELECT w.id AS chunk FROM broadcast_parked parked JOIN work w ON ${chunkOf}
  WHERE ${ofDelivery}
  FOR NO KEY UPDATE OF w`;

const lockParked = `
  SELECT ${mayReturn} AS returns
  ${parkedRecipients}
  WHERE ${ofDelivery} AND r.state IN ('unknown', 'failed')
  FOR NO KEY UPDATE OF r, run`;

const ofRecipient = `${ofDelivery} AND r.workspace_id = parked.workspace_id AND r.run_id = parked.run_id AND r.number = parked.number`;

const openChunk = `
  UPDATE work w
  SET state = 'pending', held = run.state = 'paused', attempts = 0, finished_at = NULL,
    due_at = date_trunc('milliseconds', statement_timestamp())
  FROM broadcast_runs run
  WHERE w.workspace_id = $1 AND w.kind = 'chunk' AND w.state IN ('done', 'cancelled', 'pending')
    AND run.workspace_id = w.workspace_id AND run.id = w.run_id AND left(run.delivery_base::text, 28) = left($2, 28)
    AND ('x' || right($2, 8))::bit(32)::integer BETWEEN w.first_number AND w.last_number`;

const goOn = `
  UPDATE broadcast_runs run SET state = 'running', finished_at = NULL
  WHERE run.workspace_id = $1 AND left(run.delivery_base::text, 28) = left($2, 28) AND run.state = 'completed'`;

// The trigger takes it off the list of those who are parked.
const sendAgain = `
  UPDATE broadcast_recipients r SET state = 'pending', attempts = 0, retry_at = NULL
  FROM broadcast_parked parked WHERE ${ofRecipient}`;

const confirm = `
  WITH confirmed AS (
    UPDATE broadcast_recipients r
    SET state = 'sent', reason = NULL, message = NULL, sent_at = date_trunc('milliseconds', statement_timestamp())
    FROM broadcast_parked parked WHERE ${ofRecipient}
    RETURNING r.workspace_id, r.end_user_id, r.attempted_at
  )
  UPDATE end_users u SET last_contacted_at = greatest(u.last_contacted_at, confirmed.attempted_at)
  FROM confirmed
  WHERE u.workspace_id = confirmed.workspace_id AND u.id = confirmed.end_user_id`;

const giveUp = `
  UPDATE broadcast_recipients r
  SET state = 'failed', message = NULL, reason = CASE r.state WHEN 'unknown' THEN concat_ws('; ', 'skipped by hand', r.reason) ELSE r.reason END
  FROM broadcast_parked parked WHERE ${ofRecipient}`;

const putAway = `DELETE FROM broadcast_parked parked WHERE ${ofDelivery}`;
