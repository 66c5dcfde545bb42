import { inState } from './in-state.js';
import { rowsOf } from './lists.js';
import type { Pool } from '../../database/pool.js';
import type { WorkJob } from './job.js';

export interface Held {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
}

/** The order in which statements that lock several claims take them. */
export function byWork(a: Held, b: Held): number {
  return Number(a.work) - Number(b.work) || (a.workspace < b.workspace ? -1 : 1);
}

/** Puts work off for `wait` milliseconds after an attempt that failed. False where the claim is no longer held. */
export async function postponeWork(pool: Pool, held: Held, wait: number, error: string): Promise<boolean> {
  const { rowCount } = await pool.query(postpone, [held.workspace, held.work, held.token, wait, error]);
  return rowCount === 1;
}

/**
 * Leaves work for an operator: the channel may or may not have taken the message, and would not recognise a repeat.
 * False where the claim is no longer held.
 */
export async function parkWork(pool: Pool, held: Held, error: string): Promise<boolean> {
  const { rowCount } = await pool.query(park, [held.workspace, held.work, held.token, error]);
  return rowCount === 1;
}

/** Gives claims back before anything was sent, as if they had never been taken. Answers how many. */
export async function releaseWork(pool: Pool, claims: readonly Held[]): Promise<number> {
  const { rowCount } = await pool.query(release, [
    claims.map((claim) => claim.workspace),
    claims.map((claim) => claim.work),
    claims.map((claim) => claim.token),
  ]);
  return rowCount ?? 0;
}

/** Makes offered steps due again that no worker will hear of; those that were offered anew or claimed since are left. */
export async function offerAgain(pool: Pool, offered: readonly WorkJob[]): Promise<number> {
  if (offered.length === 0) return 0;
  const { rowCount } = await pool.query(offer, [
    offered.map((row) => row.workspace),
    offered.map((row) => row.work),
    offered.map((row) => row.epoch),
  ]);
  return rowCount ?? 0;
}

/** Extends leases by `lease` milliseconds from now; answers the tokens that still hold their claim. */
export async function renewLeases(
  pool: Pool,
  claims: readonly Held[],
  lease: number,
): Promise<ReadonlySet<string>> {
  const sorted = claims.toSorted(byWork);
  const { rows } = await pool.query<{ token: string }>(renew, [
    sorted.map((claim) => claim.workspace),
    sorted.map((claim) => claim.work),
    sorted.map((claim) => claim.token),
    lease,
  ]);
  return new Set(rows.map((row) => row.token));
}

const postpone = `
  UPDATE work
  SET state = 'pending', token = NULL, lease_until = NULL, last_error = $5,
    due_at = statement_timestamp() + $4 * interval '1 millisecond'
  WHERE workspace_id = $1 AND id = $2 AND ${inState('work', 'claimed')} AND token = $3`;

const park = `
  WITH parked AS (
    UPDATE work
    SET state = 'unknown', token = NULL, lease_until = NULL, last_error = $4
    WHERE workspace_id = $1 AND id = $2 AND ${inState('work', 'claimed')} AND token = $3
    RETURNING workspace_id, delivery_id
  ),
  recorded AS (
    UPDATE deliveries d SET state = 'unknown', last_error = $4
    FROM parked WHERE d.workspace_id = parked.workspace_id AND d.id = parked.delivery_id
  )
  SELECT FROM parked`;

const held = `${rowsOf(['text', 'bigint', 'uuid'])} AS held (workspace_id, id, token)`;

const release = `
  UPDATE work w
  SET state = 'pending', token = NULL, lease_until = NULL, attempts = w.attempts - 1
  FROM ${held}
  WHERE w.workspace_id = held.workspace_id AND w.id = held.id AND ${inState('w', 'claimed')} AND w.token = held.token`;

const renew = `
  UPDATE work w
  SET lease_until = statement_timestamp() + $4 * interval '1 millisecond'
  FROM ${held}
  WHERE w.workspace_id = held.workspace_id AND w.id = held.id AND ${inState('w', 'claimed')} AND w.token = held.token
  RETURNING w.token`;

const offer = `
  UPDATE work w SET state = 'pending'
  FROM ${rowsOf(['text', 'bigint', 'integer'])} AS offered (workspace_id, id, epoch)
  WHERE w.workspace_id = offered.workspace_id AND w.id = offered.id AND w.epoch = offered.epoch
    AND ${inState('w', 'enqueued')}`;
