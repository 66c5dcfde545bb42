import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, problem, refuse } from '../../errors/index.js';
import { parseFilter } from '../../filter/parse.js';
import { shown } from '../../filter/parse/context.js';
import { segmentsIn } from '../../filter/named-in.js';
import { sentence } from '../../filter/sentence.js';
import type { Filter } from '../../filter/tree.js';
import { readAround } from './around.js';
import { overriddenIds } from './effective.js';
import type { StoredFilter } from './effective.js';
import { savedSegments } from './saved.js';
import type { SavedSegments } from './saved.js';
import { beginBuilding, checkCost, watchAll } from './track.js';
import { startedBy, usersOf } from './users.js';

/** A segment as callers see it. */
export interface SavedSegment {
  readonly key: string;
  readonly name: string;
  /** The filter as it was written. */
  readonly filter: unknown;
  readonly sentence: string;
  /** Grows with each change of the filter. */
  readonly version: number;
  /** Whether its members are stored, and told of when they enter and leave; otherwise it is computed when asked. */
  readonly tracked: boolean;
  /**
   * `building`: people are gone through for a filter that is new; memberships are not complete yet. `quarantined`: it could not
   * be kept, and its members stay as they were until it is saved again.
   */
  readonly state: 'ready' | 'building' | 'quarantined';
  /** Why it is quarantined. */
  readonly reason: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface SaveSegment {
  readonly key: string;
  /** Default: the key. */
  readonly name?: string;
  readonly filter: unknown;
  /** Default: as it was, and true for a new one. */
  readonly tracked?: boolean;
}

const keyShape = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const nameLimit = 200;

/**
 * Saves a segment under its key. One that is changed means the new filter everywhere from then on: in other segments, in
 * series and in whatever asks for it.
 *
 * Errors: those of `parseFilter`, `segment_bad_key`, `segment_bad_name`; `segment_breaks_others`, where a segment, rule, series or broadcast
 * that this one stands in would become too deep or too large; `segment_needs_index`, where a tracked one could only be kept by reading everybody
 * again and again; `segment_must_be_tracked`; with `create`, `segment_exists`.
 */
export async function saveSegment(
  pool: Pool,
  workspaceId: string,
  segment: SaveSegment,
  { create = false }: { readonly create?: boolean } = {},
): Promise<SavedSegment> {
  checkNames(segment);
  return inWorkspace(pool, workspaceId, async (client) => {
    await holdSegments(client, workspaceId);
    const { key } = segment;
    const saved = await savedSegments(client, workspaceId, segment.filter);
    const filter = readFilter(segment.filter, saved, key);
    const before = await findSegment(client, workspaceId, key);
    if (create && before !== null) refuse('segment_exists', { key }, { path: '/key' });
    const { name = before?.name ?? key, tracked = before?.tracked ?? true } = segment;
    const around = await readAround(client, workspaceId, segment);
    if (tracked) await checkCost(client, workspaceId, filter);
    else await checkNotNeeded(client, workspaceId, key);
    const { rows } = await client.query<{ changed: boolean }>(upsert, [
      workspaceId,
      key,
      name,
      JSON.stringify(segment.filter),
      segmentsIn(segment.filter),
      tracked,
    ]);
    if (rows[0]?.changed === true) {
      await beginBuilding(client, workspaceId, [{ key, filter }, ...around]);
      if (!tracked) await client.query(removeMembers, [workspaceId, key]);
      await client.query(countRevision, [workspaceId]);
    }
    return readSegment(client, workspaceId, key);
  });
}

/** A series begins where people enter or leave: it needs to be told. */
async function checkNotNeeded(client: Client, workspaceId: string, key: string): Promise<void> {
  const series = await startedBy(client, workspaceId, key);
  if (series.length === 0) return;
  const names = series.map((each) => `\`${each}\``).join(', ');
  refuse('segment_must_be_tracked', { key, series: names }, { path: '/tracked' });
}

function checkNames({ key, name = key }: SaveSegment): void {
  const problems = [];
  if (!keyShape.test(key)) problems.push(problem('segment_bad_key', { key: shown(key) }, { path: '/key' }));
  const sound = name.trim() !== '' && name.isWellFormed() && !name.includes('\0');
  if (!sound || Buffer.byteLength(name) > nameLimit)
    problems.push(problem('segment_bad_name', { limit: nameLimit }, { path: '/name' }));
  if (problems.length > 0) throw new MusterError(problems);
}

/** The filter of a segment that is going to be saved. Errors: those of `parseFilter`, under `/filter`. */
export function readFilter(input: unknown, segments: SavedSegments, self: string): Filter {
  try {
    return parseFilter(input, { segments, self });
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    throw new MusterError(error.problems.map((each) => ({ ...each, path: `/filter${each.path}` })));
  }
}

/** Errors: `segment_not_found`. */
export async function getSegment(pool: Pool, workspaceId: string, key: string): Promise<SavedSegment> {
  return inWorkspace(pool, workspaceId, (client) => readSegment(client, workspaceId, key));
}

/** Every segment of the workspace, by key. */
export async function listSegments(pool: Pool, workspaceId: string): Promise<SavedSegment[]> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<Row>(`${readSegments} ORDER BY s.key`, [workspaceId]);
    return views(client, workspaceId, rows);
  });
}

/**
 * Deletes a segment that nothing uses. Errors: `segment_not_found`; `segment_in_use`, naming the segments, rules and series that do.
 */
export async function deleteSegment(pool: Pool, workspaceId: string, key: string): Promise<SavedSegment> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await holdSegments(client, workspaceId);
    const segment = await readSegment(client, workspaceId, key);
    const users = await usersOf(client, workspaceId, key);
    if (users.length > 0) {
      const names = users.map(({ kind, key: user }) => `${kind} \`${user}\``).join(', ');
      throw new MusterError(problem('segment_in_use', { key, users: names }), { details: { users } });
    }
    await client.query(remove, [workspaceId, key]);
    await watchAll(client, workspaceId);
    await client.query(countRevision, [workspaceId]);
    return segment;
  });
}

/** Held to the end of the transaction: two segments saved at once could otherwise put each other inside themselves. */
export async function holdSegments(client: Client, workspaceId: string): Promise<void> {
  await client.query(hold, [workspaceId]);
}

/** Filters that were parsed before are parsed anew from here on. */
export async function noteRevision(client: Client, workspaceId: string): Promise<void> {
  await client.query(countRevision, [workspaceId]);
}

interface Row extends StoredFilter {
  key: string;
  name: string;
  version: number;
  tracked: boolean;
  state: SavedSegment['state'];
  reason: string | null;
  created_at: Date;
  updated_at: Date;
}

/** A saved segment as its row has it, or null. */
export async function findSegment(client: Client, workspaceId: string, key: string): Promise<Row | null> {
  const { rows } = await client.query<Row>(`${readSegments} AND s.key = $2`, [workspaceId, key]);
  return rows[0] ?? null;
}

export async function readSegment(client: Client, workspaceId: string, key: string): Promise<SavedSegment> {
  const row = await findSegment(client, workspaceId, key);
  if (row === null) return refuse('segment_not_found', { key });
  const [segment] = await views(client, workspaceId, [row]);
  return segment ?? refuse('segment_not_found', { key });
}

async function views(client: Client, workspaceId: string, rows: readonly Row[]): Promise<SavedSegment[]> {
  const saved = await savedSegments(
    client,
    workspaceId,
    rows.map(({ filter }) => filter),
  );
  return rows.map(({ key, name, filter, overrides: _overrides, ...rest }) => ({
    key,
    name,
    filter,
    sentence: sentence(parseFilter(filter, { segments: saved })),
    ...rest,
  }));
}

const readSegments = `
  SELECT s.key, s.name, s.filter, ${overriddenIds('s')}, s.version, s.tracked, s.state, s.reason, s.created_at, s.updated_at
  FROM segments s WHERE s.workspace_id = $1`;

const hold = `
  INSERT INTO segment_clocks (workspace_id) VALUES ($1)
  ON CONFLICT (workspace_id) DO UPDATE SET revision = segment_clocks.revision`;

const countRevision = `UPDATE segment_clocks SET revision = revision + 1 WHERE workspace_id = $1`;

const upsert = `
  WITH before AS (
    SELECT filter, tracked, state FROM segments WHERE workspace_id = $1 AND key = $2
  ), saved AS (
    INSERT INTO segments AS s (workspace_id, key, name, filter, uses, tracked, state)
    VALUES ($1, $2, $3, $4::jsonb, $5, $6, CASE WHEN $6 THEN 'building' ELSE 'ready' END)
    ON CONFLICT (workspace_id, key) DO UPDATE SET
      name = EXCLUDED.name, filter = EXCLUDED.filter, uses = EXCLUDED.uses, tracked = EXCLUDED.tracked,
      version = s.version + (s.filter IS DISTINCT FROM EXCLUDED.filter)::integer,
      -- One that was not tracked knows no members yet: whom its building finds was in it all along.
      state = CASE WHEN NOT EXCLUDED.tracked THEN 'ready' WHEN s.tracked THEN s.state ELSE 'building' END,
      tells = s.tells AND s.tracked AND EXCLUDED.tracked,
      updated_at = date_trunc('milliseconds', now())
    WHERE (s.name, s.filter, s.tracked) IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.filter, EXCLUDED.tracked)
      OR s.state = 'quarantined'
  )
  SELECT b.filter IS DISTINCT FROM $4::jsonb OR b.tracked IS DISTINCT FROM $6 OR b.state = 'quarantined' AS changed
  FROM (VALUES (1)) AS one LEFT JOIN before b ON true`;

const removeMembers = `DELETE FROM segment_members WHERE workspace_id = $1 AND segment_key = $2`;

const remove = `DELETE FROM segments WHERE workspace_id = $1 AND key = $2`;
