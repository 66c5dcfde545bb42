import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import { explain } from '../filter/explain.js';
import type { Explanation } from '../filter/explain.js';
import type { Moment } from '../filter/time.js';
import type { Filter } from '../filter/tree.js';
import { readUserRecord } from '../traits/read.js';

export interface ExplainUserOptions {
  readonly workspaceId: string;
  readonly filter: Filter;
  readonly userId: string;
  readonly moment: Moment;
}

/**
 * Says for one stored person whether they match and why: every leaf with the value seen, the value wanted and a reason.
 *
 * Errors: `no_such_user`, `too_many_events`.
 */
export async function explainUser(pool: Pool, options: ExplainUserOptions): Promise<Explanation> {
  const { workspaceId, filter, userId, moment } = options;
  const record = await readUserRecord(pool, { workspaceId, userId, filter });
  if (record === null)
    return refuse('no_such_user', { user_id: userId, workspace: workspaceId }, { path: '/user_id' });
  return explain(filter, record, moment);
}
