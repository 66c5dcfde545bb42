import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { Moment } from '../../filter/time.js';
import { inSnapshot } from '../people.js';
import { parseFilterIn } from './saved.js';
import { getSegment } from './store.js';

/** Somebody who is in a segment. */
export interface Member {
  readonly user_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
  /** When they entered; null where members are not stored. */
  readonly entered_at: Date | null;
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
  /** Whether they are those that are stored; otherwise they were computed at the moment. */
  readonly stored: boolean;
  /** Of stored ones those who entered last come first, of others by `user_id`. */
  readonly members: Member[];
}

/**
 * Who is in a segment: the stored members of a tracked one, and of any other whom its filter matches at the moment, as long as it is
 * being built too. Errors: `segment_not_found`, `audience_timeout`.
 */
export async function listMembers(pool: Pool, list: ListMembers): Promise<Members> {
  const { workspaceId, key, moment, limit = 100 } = list;
  const segment = await getSegment(pool, workspaceId, key);
  if (segment.tracked && segment.state !== 'building') {
    return inWorkspace(pool, workspaceId, async (client) => {
      const { rows: counted } = await client.query<{ count: number }>(count, [workspaceId, key]);
      const { rows } = await client.query<Member>(readLast, [workspaceId, key, limit]);
      return { count: counted[0]?.count ?? 0, stored: true, members: rows };
    });
  }
  const filter = await parseFilterIn(pool, workspaceId, segment.filter);
  return inSnapshot(pool, { workspaceId, moment, timeoutMs: 30_000 }, async (people) => ({
    count: await people.count(filter),
    stored: false,
    members: (await people.sample(filter, limit)).map((person) => ({ ...person, entered_at: null })),
  }));
}

const count = `
  SELECT count(*)::integer AS count FROM segment_members m WHERE m.workspace_id = $1 AND m.segment_key = $2`;

const readLast = `
  SELECT u.user_id, u.name, u.email, m.entered_at
  FROM (
    SELECT m.end_user_id, m.entered_at FROM segment_members m
    WHERE m.workspace_id = $1 AND m.segment_key = $2
    ORDER BY m.entered_at DESC, m.end_user_id LIMIT $3
  ) AS m
  JOIN end_users u ON u.workspace_id = $1 AND u.id = m.end_user_id
  ORDER BY m.entered_at DESC, m.end_user_id`;
