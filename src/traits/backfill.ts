import { refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Pool } from '../database/pool.js';
import type { Database } from './database.js';
import type { EndUser } from './row.js';

export interface BackfillUser {
  readonly workspaceId: string;
  readonly userId: string;
  readonly traits?: unknown;
  /** Whether a person whom this call makes is announced as `user_created`; default false. */
  readonly fireTriggers?: boolean | undefined;
}

export interface Backfilled {
  readonly user: EndUser;
  readonly created: boolean;
}

/** Creates or updates a person without a visit. */
export async function backfillUser(_db: Database, _call: BackfillUser): Promise<Backfilled> {
  return refuse('not_available_yet', { what: 'backfillUser' });
}

export interface BackfillUsers {
  readonly workspaceId: string;
  /** Up to 1,000 of `{ user_id, traits }`. */
  readonly users: readonly unknown[];
  readonly fireTriggers?: boolean | undefined;
}

export interface BackfillResult {
  /** As it was sent; null where it is not a text. */
  readonly user_id: string | null;
  readonly status: 'created' | 'updated' | 'rejected';
  /** What is wrong with a rejected item; the path is relative to the item. */
  readonly error?: Problem;
}

/** Creates or updates up to 1,000 people without a visit; results in the order of the items. */
export async function backfillUsers(
  _pool: Pool,
  _call: BackfillUsers,
): Promise<{ results: BackfillResult[] }> {
  return refuse('not_available_yet', { what: 'backfillUsers' });
}
