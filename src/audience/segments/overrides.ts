import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, problem, refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { described, shown } from '../../filter/parse/context.js';
import { collectText } from '../../traits/text.js';
import { readAround } from './around.js';
import { holdSegments, noteRevision, readSegment } from './store.js';
import { withOverrides } from './effective.js';

/** Somebody who is in a segment, or kept out of it, by hand. */
export interface Override {
  readonly user_id: string;
  readonly member: boolean;
  readonly reason: string;
  /** When the filter decides again; null for never. */
  readonly until: Date | null;
  readonly created_at: Date;
}

export interface SetOverride {
  readonly workspaceId: string;
  readonly key: string;
  readonly userId: string;
  /** Whether they are in it. */
  readonly member: boolean;
  readonly reason: string;
  /** ISO 8601, later than now; without it, it holds until it is removed. */
  readonly until?: string | undefined;
}

/** People of one segment: they stand in its filter by id. */
export const mostOverrides = 1000;
const reasonLimit = 200;

/**
 * Puts a person into a segment or keeps them out of it, whatever its filter says; everything that names the segment means it
 * from then on. What was set for them before is replaced.
 *
 * Errors: `bad_label`, `override_bad_end`, all at once; `segment_not_found`, `no_such_user`, `too_many_overrides`;
 * `segment_breaks_others`, where the filter of this or another segment would become too deep.
 */
export async function setOverride(pool: Pool, call: SetOverride): Promise<Override> {
  const { workspaceId, key, userId, member, reason, until } = call;
  const problems: Problem[] = [];
  collectText('reason', reason, problems, reasonLimit);
  const end = until === undefined ? null : parseIso(until);
  if (until !== undefined && (end === null || end <= Date.now())) {
    problems.push(problem('override_bad_end', { got: described(until) }, { path: '/until' }));
  }
  if (problems.length > 0) throw new MusterError(problems);
  return inWorkspace(pool, workspaceId, async (client) => {
    await holdSegments(client, workspaceId);
    const { filter } = await readSegment(client, workspaceId, key);
    const person = await personOf(client, workspaceId, userId);
    const ends = end === null ? null : new Date(end).toISOString();
    const values = [workspaceId, key, person, member, reason, ends];
    const { rows } = await client.query<Omit<Override, 'user_id'> & { others: number }>(put, values);
    const [row] = rows;
    if (row === undefined) throw new Error('an upsert left no row');
    const { others, ...override } = row;
    if (others >= mostOverrides) refuse('too_many_overrides', { key, limit: mostOverrides });
    // As deep as it becomes, whoever stands in it.
    await readAround(client, workspaceId, {
      key,
      filter: withOverrides(filter, { in: [userId], out: [userId] }),
    });
    await noteChanged(client, workspaceId, [{ id: person, at: null }]);
    return { user_id: userId, ...override };
  });
}

/** Lets the filter decide about the person again. Errors: `segment_not_found`, `no_such_user`. */
export async function removeOverride(
  pool: Pool,
  { workspaceId, key, userId }: Pick<SetOverride, 'workspaceId' | 'key' | 'userId'>,
): Promise<{ removed: boolean }> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await holdSegments(client, workspaceId);
    await readSegment(client, workspaceId, key);
    const person = await personOf(client, workspaceId, userId);
    const { rowCount } = await client.query(remove, [workspaceId, key, person]);
    if (rowCount === 0) return { removed: false };
    await noteChanged(client, workspaceId, [{ id: person, at: null }]);
    return { removed: true };
  });
}

/** Who is in the segment or kept out of it by hand, the latest first. Error: `segment_not_found`. */
export async function listOverrides(pool: Pool, workspaceId: string, key: string): Promise<Override[]> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await readSegment(client, workspaceId, key);
    return (await client.query<Override>(list, [workspaceId, key])).rows;
  });
}

/**
 * Takes away what has ended by `now`; the caller holds the segments of the workspace. The membership changes at the exact
 * instant of the end. Answers whether there was any.
 */
export async function endOverrides(client: Client, workspaceId: string, now: number): Promise<boolean> {
  const { rows } = await client.query<{ id: string; at: Date }>(end, [
    workspaceId,
    new Date(now).toISOString(),
  ]);
  if (rows.length === 0) return false;
  await noteChanged(client, workspaceId, rows);
  return true;
}

async function noteChanged(
  client: Client,
  workspaceId: string,
  people: readonly { readonly id: string; readonly at: Date | null }[],
): Promise<void> {
  await client.query(note, [
    workspaceId,
    people.map(({ id }) => id),
    people.map(({ at }) => at?.toISOString() ?? null),
  ]);
  await noteRevision(client, workspaceId);
}

async function personOf(client: Client, workspaceId: string, userId: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT u.id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2',
    [workspaceId, userId],
  );
  return rows[0]?.id ?? refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
}

const put = `
  WITH others AS (
    SELECT count(*)::integer AS count FROM segment_overrides AS o
    WHERE o.workspace_id = $1 AND o.segment_key = $2 AND o.end_user_id <> $3::uuid
  )
  INSERT INTO segment_overrides AS o (workspace_id, segment_key, end_user_id, member, reason, until)
  VALUES ($1, $2, $3::uuid, $4, $5, $6)
  ON CONFLICT (workspace_id, segment_key, end_user_id) DO UPDATE SET
    member = EXCLUDED.member, reason = EXCLUDED.reason, until = EXCLUDED.until, created_at = EXCLUDED.created_at
  RETURNING o.member, o.reason, o.until, o.created_at, (SELECT count FROM others) AS others`;

const remove = `
  DELETE FROM segment_overrides WHERE workspace_id = $1 AND segment_key = $2 AND end_user_id = $3::uuid`;

const list = `
  SELECT u.user_id, o.member, o.reason, o.until, o.created_at
  FROM segment_overrides AS o JOIN end_users AS u ON u.workspace_id = o.workspace_id AND u.id = o.end_user_id
  WHERE o.workspace_id = $1 AND o.segment_key = $2
  ORDER BY o.created_at DESC, u.user_id`;

const end = `
  DELETE FROM segment_overrides WHERE workspace_id = $1 AND until <= $2 RETURNING end_user_id AS id, until AS at`;

// All that any segment says of them is asked again.
const note = `
  INSERT INTO segment_changes (workspace_id, end_user_id, at)
  SELECT $1, person.id, coalesce(person.at, date_trunc('milliseconds', now()))
  FROM unnest($2::uuid[], $3::timestamptz[]) AS person (id, at)`;
