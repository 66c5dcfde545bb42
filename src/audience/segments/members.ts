import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
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
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Members {
  /** How many are in it, counted. */
  readonly count: number;
  /** Whether they are those that are stored; otherwise they were computed at the moment. */
  readonly stored: boolean;
  /** Of stored ones those who entered last come first, others in an order that stays. */
  readonly members: Member[];
  /** What brings the next page as `after`; null on the last one. */
  readonly next: string | null;
}

/**
 * Who is in a segment, page by page: the stored members of a tracked one, and of any other, also while it is being built, whom its
 * filter matches at the moment. Who enters between two pages is on neither.
 *
 * Errors: `segment_not_found`, `bad_page`, `audience_timeout`.
 */
export async function listMembers(pool: Pool, list: ListMembers): Promise<Members> {
  const { workspaceId, key, moment, limit = 100, after } = list;
  const segment = await getSegment(pool, workspaceId, key);
  const stored = segment.tracked && segment.state !== 'building';
  const from = after === undefined ? null : placeIn(after, stored);
  if (stored) {
    return inWorkspace(pool, workspaceId, async (client) => {
      const { rows: counted } = await client.query<{ count: number }>(count, [workspaceId, key]);
      const values = [workspaceId, key, limit + 1];
      const { rows } = await (from === null
        ? client.query<Row>(readPage(''), values)
        : client.query<Row>(readPage(behind), [...values, from.enteredAt, from.id]));
      return { count: counted[0]?.count ?? 0, stored, ...pageOf(rows, limit) };
    });
  }
  const filter = await parseFilterIn(pool, workspaceId, { segment: key });
  return inSnapshot(pool, { workspaceId, moment, timeoutMs: 30_000 }, async (people) => {
    const found = await people.page(filter, { size: limit + 1, after: from?.id ?? null });
    const rows = found.map((person) => ({ ...person, entered_at: null }));
    return { count: await people.count(filter), stored, ...pageOf(rows, limit) };
  });
}

type Row = Member & { readonly id: string };

function pageOf(rows: readonly Row[], limit: number): Pick<Members, 'members' | 'next'> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    members: page.map(({ id: _id, ...member }) => member),
    next: last === undefined || rows.length <= limit ? null : nextOf(last),
  };
}

/** Members that are stored are found again by when they entered and who they are, others by who they are. */
function nextOf({ id, entered_at: at }: Row): string {
  return at === null ? id : `${at.getTime()}.${id}`;
}

function placeIn(after: string, stored: boolean): { readonly enteredAt: string | null; readonly id: string } {
  const [, at, id] = /^(?:(\d{1,15})\.)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(after) ?? [];
  const enteredAt = new Date(Number(at ?? 0));
  if (id === undefined || stored !== (at !== undefined) || Number.isNaN(enteredAt.getTime())) {
    const values = { key: 'after', expected: 'the `next` of a page', got: 'another text' };
    return refuse('bad_page', values, { path: '/after' });
  }
  return { enteredAt: at === undefined ? null : enteredAt.toISOString(), id };
}

const count = `
  SELECT count(*)::integer AS count FROM segment_members m WHERE m.workspace_id = $1 AND m.segment_key = $2`;

const behind = 'AND m.entered_at <= $4 AND (m.entered_at < $4 OR m.end_user_id > $5)';

const readPage = (further: string): string => `
  SELECT u.id, u.user_id, u.name, u.email, m.entered_at
  FROM (
    SELECT m.end_user_id, m.entered_at FROM segment_members m
    WHERE m.workspace_id = $1 AND m.segment_key = $2 ${further}
    ORDER BY m.entered_at DESC, m.end_user_id LIMIT $3
  ) AS m
  JOIN end_users u ON u.workspace_id = $1 AND u.id = m.end_user_id
  ORDER BY m.entered_at DESC, m.end_user_id`;
