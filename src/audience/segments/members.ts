import type { Pool } from '../../database/pool.js';
import type { Moment } from '../../filter/time.js';
import { inSnapshot } from '../people.js';
import { parseFilterIn } from './saved.js';
import { getSegment } from './store.js';

/** Somebody who is in a segment. */
export interface Member {
  readonly user_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
}

export interface ListMembers {
  readonly workspaceId: string;
  readonly key: string;
  readonly moment: Moment;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
}

export interface Members {
  /** How many are in it, counted. */
  readonly count: number;
  readonly members: Member[];
}

/** Who is in a segment at the moment. Errors: `segment_not_found`, `audience_timeout`. */
export async function listMembers(pool: Pool, list: ListMembers): Promise<Members> {
  const { workspaceId, key, moment, limit = 100 } = list;
  const segment = await getSegment(pool, workspaceId, key);
  const filter = await parseFilterIn(pool, workspaceId, segment.filter);
  return inSnapshot(pool, { workspaceId, moment, timeoutMs: 30_000 }, async (people) => ({
    count: await people.count(filter),
    members: await people.sample(filter, limit),
  }));
}
