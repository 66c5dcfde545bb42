import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { mayReturn } from './parked.js';
import type { ParkedStep, Resolution } from './parked.js';

/** A row with so many attempts was skipped by an operator: its worker goes on without calling the channel. */
export const skipped = 1_000_000;

/**
 * Decides about a parked step as `resolveDelivery` says, in a transaction of the caller's.
 *
 * Errors: `delivery_not_parked`; `delivery_passed` where a retry is wanted and the person has gone on without it;
 * `delivery_never_tried` where nothing was ever sent that could have arrived.
 */
export async function resolveStep(
  client: Client,
  workspaceId: string,
  id: string,
  as: Resolution,
): Promise<void> {
  const { rows } = await client.query<Parked>(lockParked, [workspaceId, id]);
  const parked = rows[0] ?? refuse('delivery_not_parked', { id });
  if (as === 'retry' && !parked.returns) refuse('delivery_passed', { id, step: parked.step });
  if (as === 'delivered' && !parked.tried) refuse('delivery_never_tried', { id });
  await apply(client, workspaceId, parked, as);
}

/** Which parked steps are meant; every part that is left out fits all. */
export interface WhichSteps {
  readonly ids?: readonly string[] | undefined;
  readonly state?: ParkedStep['state'] | undefined;
  readonly series?: string | undefined;
  readonly channel?: string | undefined;
}

/** Ids of the deliveries of those that are meant; those that can be resolved so come first, and the oldest of them. */
export async function findParkedSteps(
  client: Client,
  workspaceId: string,
  { ids, state, series, channel }: WhichSteps,
  as: Resolution,
  limit: number,
): Promise<string[]> {
  const values = [workspaceId, ids ?? null, state ?? null, series ?? null, channel ?? null, as, limit];
  const { rows } = await client.query<{ id: string }>(findParked, values);
  return rows.map(({ id }) => id);
}

interface Parked {
  readonly work: string;
  readonly state: 'unknown' | 'failed';
  readonly step: string;
  readonly returns: boolean;
  readonly tried: boolean;
}

async function apply(
  client: Client,
  workspaceId: string,
  { work, state, returns }: Parked,
  as: Resolution,
): Promise<void> {
  const values = [workspaceId, work];
  if (as === 'delivered') await client.query(confirm, values);
  if (as === 'skip') await client.query(giveUpDelivery, values);
  // Somebody who was left broken stays out, unless it is tried again.
  if (state === 'failed' && as !== 'retry') {
    await client.query(putAway, [...values, as === 'delivered' ? 'done' : 'cancelled']);
  } else if (returns) {
    if (state === 'failed') await client.query(standAgain, values);
    await client.query(takeUp, [...values, as === 'skip' ? skipped : 0]);
  } else {
    await client.query(putAway, [...values, as === 'delivered' ? 'done' : 'cancelled']);
  }
}

// Those that can be resolved so come first: what cannot would otherwise fill every call.
const findParked = `
  SELECT work.delivery_id AS id
  FROM work
  JOIN enrollments e ON e.workspace_id = work.workspace_id AND e.id = work.enrollment_id
  LEFT JOIN deliveries d ON d.workspace_id = work.workspace_id AND d.id = work.delivery_id
  WHERE work.workspace_id = $1 AND work.state IN ('unknown', 'failed')
    AND ($2::text[] IS NULL OR work.delivery_id::text = ANY ($2::text[])) AND ($3::text IS NULL OR work.state = $3)
    AND ($4::text IS NULL OR work.series_key = $4) AND ($5::text IS NULL OR d.channel = $5)
  ORDER BY CASE $6::text WHEN 'retry' THEN ${mayReturn} WHEN 'delivered' THEN d.id IS NOT NULL ELSE true END DESC, work.id
  LIMIT $7`;

const lockParked = `
  SELECT work.id AS work, work.state, work.step, ${mayReturn} AS returns, d.id IS NOT NULL AS tried
  FROM work
  JOIN enrollments e ON e.workspace_id = work.workspace_id AND e.id = work.enrollment_id
  LEFT JOIN deliveries d ON d.workspace_id = work.workspace_id AND d.id = work.delivery_id
  WHERE work.workspace_id = $1 AND work.delivery_id::text = $2 AND work.state IN ('unknown', 'failed')
  FOR NO KEY UPDATE OF work, e`;

const confirm = `
  WITH confirmed AS (
    UPDATE deliveries d
    SET state = 'delivered', last_error = NULL, delivered_at = date_trunc('milliseconds', statement_timestamp())
    FROM work w
    WHERE w.workspace_id = $1 AND w.id = $2 AND d.workspace_id = w.workspace_id AND d.id = w.delivery_id
    RETURNING d.workspace_id, d.end_user_id, d.kind, d.attempted_at
  )
  UPDATE end_users u SET last_contacted_at = greatest(u.last_contacted_at, confirmed.attempted_at)
  FROM confirmed
  WHERE u.workspace_id = confirmed.workspace_id AND u.id = confirmed.end_user_id AND confirmed.kind = 'send'`;

const giveUpDelivery = `
  UPDATE deliveries d SET state = 'failed', last_error = concat_ws('; ', 'skipped by hand', d.last_error)
  FROM work w
  WHERE w.workspace_id = $1 AND w.id = $2 AND d.workspace_id = w.workspace_id AND d.id = w.delivery_id
    AND d.state <> 'delivered'`;

const putAway = `
  UPDATE work SET state = $3, finished_at = coalesce(finished_at, statement_timestamp())
  WHERE workspace_id = $1 AND id = $2`;

const standAgain = `
  UPDATE enrollments e SET state = 'active', reason = NULL, finished_at = NULL, step = w.step, visit = w.visit
  FROM work w
  WHERE w.workspace_id = $1 AND w.id = $2 AND e.workspace_id = w.workspace_id AND e.id = w.enrollment_id`;

const takeUp = `
  UPDATE work
  SET state = 'pending', held = false, attempts = $3, finished_at = NULL,
    last_error = CASE WHEN $3 > 0 THEN 'skipped by hand' ELSE last_error END,
    due_at = date_trunc('milliseconds', statement_timestamp())
  WHERE workspace_id = $1 AND id = $2`;
