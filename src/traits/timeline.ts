import type { Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { refuse } from '../errors/index.js';
import { shown } from '../filter/parse/context.js';
import { textFault } from './json.js';
import type { WhichUser } from './read.js';
import { timelinePage } from './statements/timeline-page.js';
import type { TimelineKind } from './statements/timeline-page.js';

/** One thing that a person did or got, or that was decided about them. */
export interface TimelineEntry {
  /** ISO 8601. Of what is tried several times, such as a delivery: the last time. */
  readonly at: string;
  readonly kind: TimelineKind;
  /** What it was, by its kind. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface TimelinePage {
  /** The newest first. */
  readonly timeline: TimelineEntry[];
  /** What brings the next page as `after`; null on the last one. */
  readonly next: string | null;
}

export interface ReadTimeline extends WhichUser {
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/**
 * What one person did, got and was refused, and what series, broadcasts and segments decided about them, page by page. Values that
 * traits had before are not kept, so that changes of traits are not in it.
 *
 * Errors: `no_such_user`, `bad_page`.
 */
export async function readTimeline(
  pool: Pool,
  { workspaceId, userId, limit = 100, after }: ReadTimeline,
): Promise<TimelinePage> {
  const from = after === undefined ? begin : placeIn(after);
  const nobody = (): never => refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
  if (textFault(userId) !== null) nobody();
  const rows = await inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const { rows: people } = await client.query<{ id: string }>(findPerson, [workspaceId, userId]);
      const person = people[0]?.id ?? nobody();
      const values = [workspaceId, person, from.at, from.key, limit + 1];
      const { rows: found } = await client.query<Row>(timelinePage, values);
      return found;
    },
    { isolation: 'repeatable read', readOnly: true },
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    timeline: page.map(({ at, kind, data }) => ({ at: at.toISOString(), kind, data })),
    next: last === undefined || rows.length <= limit ? null : `${last.place}/${last.key}`,
  };
}

interface Row extends Omit<TimelineEntry, 'at'> {
  readonly at: Date;
  /** The instant to the microsecond, and what orders entries of one instant. */
  readonly place: string;
  readonly key: string;
}

interface Place {
  readonly at: string;
  readonly key: string;
}

const begin: Place = { at: 'infinity', key: '' };

function placeIn(after: string): Place {
  const [, at, key] =
    /^([0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9](?::[0-5][0-9]){2}\.[0-9]{6}Z)\/([a-z_]+:[\w:.-]{1,200})$/.exec(
      after,
    ) ?? [];
  if (at === undefined || key === undefined || Number.isNaN(Date.parse(at)))
    return refuse(
      'bad_page',
      { key: 'after', expected: 'the `next` of a page', got: 'another text' },
      { path: '/after' },
    );
  return { at, key };
}

const findPerson = `SELECT u.id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2`;
