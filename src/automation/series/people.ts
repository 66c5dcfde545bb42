import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { seriesByKey } from '../outbox/active-series.js';
import { enter } from '../outbox/enter.js';
import type { RefusalReason } from './moves.js';
import { definitionCache } from './definitions.js';

/** What became of a person at the entrance. */
export type EnrolledByHand =
  | { readonly entered: true; readonly state: 'inside' | 'held_out' | 'over'; readonly enrollment: string }
  | { readonly entered: false; readonly reason: RefusalReason };

/**
 * Lets a person in without the trigger; suppression, entry policy, audience and holdout hold as for everybody. The step
 * that follows is taken at the relay's next look.
 *
 * Errors: `series_not_found`, `series_not_active`, `no_such_user`, `too_many_events`.
 */
export async function enrollByHand(
  pool: Pool,
  workspaceId: string,
  key: string,
  userId: string,
): Promise<EnrolledByHand> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const series = (await seriesByKey(client, workspaceId, key)) ?? refuse('series_not_found', { key });
    if (series.state !== 'active') refuse('series_not_active', { key, state: series.state });
    const definition = await definitionCache()(client)(workspaceId, key, series.version);
    const entrance = {
      endUser: await personOf(client, workspaceId, userId),
      happening: { kind: 'by_hand', name: null, properties: {} },
      at: new Date(series.now),
    } as const;
    const [decision] = await enter(client, series, definition, [entrance]);
    if (decision === undefined || decision.kind === 'gone') return noSuchUser(workspaceId, userId);
    if (decision.kind === 'refused') return { entered: false, reason: decision.reason };
    const { kind, enrollment, active } = decision;
    return { entered: true, state: kind === 'held_out' ? kind : active ? 'inside' : 'over', enrollment };
  });
}

/** The internal id of a person. Errors: `no_such_user`. */
export async function personOf(client: Client, workspaceId: string, userId: string): Promise<string> {
  const text = userId.includes('\0') || !userId.isWellFormed() ? '' : userId;
  const { rows } = await client.query<{ id: string }>(findPerson, [workspaceId, text]);
  return rows[0]?.id ?? noSuchUser(workspaceId, userId);
}

function noSuchUser(workspaceId: string, userId: string): never {
  return refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
}

/**
 * Takes a person out of a series, wherever they stand in it. A message that is on its way arrives; nothing more is
 * sent. Answers how many enrolments ended.
 *
 * Errors: `series_not_found`, `no_such_user`.
 */
export async function removeFromSeries(
  pool: Pool,
  workspaceId: string,
  key: string,
  userId: string,
): Promise<{ removed: number }> {
  return inWorkspace(pool, workspaceId, async (client) => {
    if ((await seriesByKey(client, workspaceId, key)) === null) refuse('series_not_found', { key });
    const endUser = await personOf(client, workspaceId, userId);
    const { rows } = await client.query<{ id: string }>(endEnrollments, [workspaceId, key, endUser]);
    // Apart, so that it sees the rows of workers whom the first statement waited for.
    await client.query(cancelWork, [workspaceId, rows.map((row) => row.id)]);
    return { removed: rows.length };
  });
}

export type EnrollmentState = 'active' | 'completed' | 'exited' | 'held_out';

/** One entry of one person, as callers see it. */
export interface ListedEnrollment {
  readonly enrollment: string;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly state: EnrollmentState;
  readonly reason: string | null;
  readonly version: number;
  /** Which of the person's entries it is; the first is 1. */
  readonly entry: number;
  /** Where they stand, since when, and when it goes on at the latest; null once it is over. */
  readonly step: string | null;
  readonly since: Date | null;
  readonly due_at: Date | null;
  readonly entered_at: Date;
  readonly finished_at: Date | null;
}

export interface ListEnrollments {
  readonly state?: EnrollmentState | undefined;
  /** Most of one page, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/**
 * Who is or was in a series, page by page, in an order that stays while people come and go. `next` is null on the last page.
 *
 * Errors: `series_not_found`. An `after` that is none of ours begins anew.
 */
export async function listEnrollments(
  pool: Pool,
  workspaceId: string,
  key: string,
  { state, limit = 100, after }: ListEnrollments = {},
): Promise<{ enrollments: ListedEnrollment[]; next: string | null }> {
  const size = Math.min(Math.max(1, Math.trunc(limit)), 1000);
  return inWorkspace(pool, workspaceId, async (client) => {
    if ((await seriesByKey(client, workspaceId, key)) === null) refuse('series_not_found', { key });
    const from = /^([0-9a-f-]{36})\.([0-9]{1,9})$/.exec(after ?? '');
    const { rows } = await client.query<ListedEnrollment & { end_user: string }>(listPage, [
      workspaceId,
      key,
      state ?? null,
      from?.[1] ?? '00000000-0000-0000-0000-000000000000',
      from?.[2] ?? '0',
      size + 1,
    ]);
    const page = rows.slice(0, size);
    const last = page.at(-1);
    const next = rows.length > size && last !== undefined ? `${last.end_user}.${last.entry}` : null;
    return { enrollments: page.map(({ end_user: _end_user, ...enrollment }) => enrollment), next };
  });
}

const findPerson = `SELECT u.id FROM end_users u WHERE u.workspace_id = $1 AND u.user_id = $2`;

const endEnrollments = `
  UPDATE enrollments SET state = 'exited', reason = 'removed', finished_at = date_trunc('milliseconds', statement_timestamp())
  WHERE workspace_id = $1 AND series_key = $2 AND end_user_id = $3 AND state = 'active'
  RETURNING id`;

// What a worker holds is left to it: it finds that the person has left.
const cancelWork = `
  UPDATE work SET state = 'cancelled', held = false, finished_at = statement_timestamp()
  WHERE workspace_id = $1 AND enrollment_id = ANY ($2::bigint[]) AND state IN ('pending', 'enqueued')`;

const listPage = `
  SELECT e.id AS enrollment, e.end_user_id AS end_user, u.user_id, u.anonymous_id, e.state, e.reason, e.version, e.entry,
    CASE WHEN e.state = 'active' THEN e.step END AS step, CASE WHEN e.state = 'active' THEN e.since END AS since,
    w.due_at, e.entered_at, e.finished_at
  FROM enrollments e
  JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
  LEFT JOIN work w ON w.workspace_id = e.workspace_id AND w.enrollment_id = e.id AND w.step = e.step AND w.visit = e.visit
    AND e.state = 'active' AND w.state IN ('pending', 'enqueued', 'claimed')
  WHERE e.workspace_id = $1 AND e.series_key = $2 AND ($3::text IS NULL OR e.state = $3)
    AND (e.end_user_id, e.entry) > ($4::uuid, $5::integer)
  ORDER BY e.end_user_id, e.entry
  LIMIT $6`;
