import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { breakdownColumn } from './breakdown.js';
import type { Breakdown } from './breakdown.js';

export type RunState = 'running' | 'paused' | 'cancelled' | 'completed';

/** One launch, as it is stored. */
export interface Run {
  readonly id: string;
  readonly run: string;
  readonly state: RunState;
  /** Why it is paused: `by_hand`, or `breaker`. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly definition: unknown;
  readonly breakdown: Breakdown;
  readonly launched_at: Date;
  readonly finished_at: Date | null;
}

/** The run of that name, or the latest. Errors: `broadcast_not_found`, `broadcast_run_not_found`. */
export async function readRun(
  client: Client,
  workspaceId: string,
  key: string,
  run: string | undefined,
): Promise<Run> {
  return one(client, findRun, workspaceId, key, run);
}

/** As `readRun`, or null where no run is named and there is none. */
export async function runUnlessNone(
  client: Client,
  workspaceId: string,
  key: string,
  run: string | undefined,
): Promise<Run | null> {
  if (run !== undefined) return readRun(client, workspaceId, key, run);
  const { rows } = await client.query<Run>(findRun, [workspaceId, key, null]);
  return rows[0] ?? null;
}

/** As `readRun`, held against everybody else until the transaction is over. */
export async function lockRun(
  client: Client,
  workspaceId: string,
  key: string,
  run: string | undefined,
): Promise<Run> {
  return one(client, `${findRun} FOR NO KEY UPDATE OF r`, workspaceId, key, run);
}

/** The latest run, held; null before the first. */
export async function latestRun(client: Client, workspaceId: string, key: string): Promise<Run | null> {
  const { rows } = await client.query<Run>(`${findRun} FOR NO KEY UPDATE OF r`, [workspaceId, key, null]);
  return rows[0] ?? null;
}

async function one(
  client: Client,
  statement: string,
  workspaceId: string,
  key: string,
  run: string | undefined,
): Promise<Run> {
  const { rows: known } = await client.query(findBroadcast, [workspaceId, key]);
  if (known.length === 0) refuse('broadcast_not_found', { key });
  const { rows } = await client.query<Run>(statement, [workspaceId, key, run ?? null]);
  return rows[0] ?? refuse('broadcast_run_not_found', { key, run: run ?? 'latest' });
}

const findBroadcast = `SELECT FROM broadcasts b WHERE b.workspace_id = $1 AND b.key = $2`;

const findRun = `
  SELECT r.id, r.run, r.state, r.reason, r.detail, r.definition, ${breakdownColumn}, r.launched_at, r.finished_at
  FROM broadcast_runs r
  WHERE r.workspace_id = $1 AND r.broadcast_key = $2 AND CASE WHEN $3::text IS NULL THEN NOT r.test ELSE r.run = $3 END
  ORDER BY r.id DESC LIMIT 1`;
