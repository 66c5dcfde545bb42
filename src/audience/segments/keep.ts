import type { Client, Pool } from '../../database/pool.js';
import { inTransaction } from '../../database/transaction.js';
import { buildStep } from './build.js';
import type { BuildRow } from './build.js';
import { keepChanges } from './changes.js';
import type { Flip } from './flips.js';
import type { Keeping, KeepingLimits } from './keeping.js';
import { endOverrides } from './overrides.js';
import { listEdges, sweepEdges } from './sweep.js';
import { trackedCache } from './tracked.js';
import type { Tracked, TrackedCache } from './tracked.js';

export interface KeepOptions {
  /** People that one statement reads or writes. Default 500. */
  readonly batch?: number;
  /** Milliseconds that one statement over a whole workspace may take. Default 5,000. */
  readonly timeoutMs?: number;
  /** The instant of a round, in milliseconds since 1970 (UTC). Default: the clock of Postgres. */
  readonly now?: () => number;
  /** Hears of segments that cannot be kept any longer. */
  readonly onBroken?: (workspaceId: string, segment: string, reason: string) => void;
}

export interface Kept {
  /** Changes that were looked at. */
  readonly changes: number;
  /** Edges whose time had come. */
  readonly edges: number;
  /** Memberships that turned and were told, in the order of each person's. */
  readonly flips: readonly Flip[];
  /** Whether there is more to do at once. */
  readonly more: boolean;
}

/** Keeps the memberships of every workspace in which something changed or whose time has come. */
export type Keeper = () => Promise<Kept>;

/**
 * Makes a keeper. Each call goes once over the workspaces that have something to do. Of one workspace, one process at a time keeps the
 * memberships, in one transaction for each round: changes of data first, then what the clock turned, then a step of what is being
 * built. So whatever is stopped or fails is done again whole, and rounds follow each other.
 */
export function segmentKeeper(pool: Pool, options: KeepOptions = {}): Keeper {
  const cache = trackedCache();
  return async () => {
    const { rows } = await pool.query<{ workspace: string }>(findWorkspaces, [
      options.now === undefined ? null : new Date(options.now()).toISOString(),
    ]);
    const kept: { changes: number; edges: number; flips: Flip[]; more: boolean } = {
      changes: 0,
      edges: 0,
      flips: [],
      more: false,
    };
    let failure: { readonly error: unknown } | null = null;
    for (const { workspace } of rows) {
      try {
        const round = await keepWorkspace(pool, workspace, cache, options);
        kept.changes += round.changes;
        kept.edges += round.edges;
        kept.flips.push(...round.flips);
        kept.more ||= round.more;
      } catch (error) {
        // One workspace that fails does not hold the others up; the caller hears of it and comes again.
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
    return kept;
  };
}

const nothing: Kept = { changes: 0, edges: 0, flips: [], more: false };

async function keepWorkspace(
  pool: Pool,
  workspaceId: string,
  cache: TrackedCache,
  options: KeepOptions,
): Promise<Kept> {
  const broken = new Map<string, string>();
  const kept = await inTransaction(pool, async (client) => {
    const { rows } = await client.query<ClockRow>(holdClock, [workspaceId]);
    const clock = rows[0];
    // Another process is at it.
    if (clock === undefined) return nothing;
    if (await endOverrides(client, workspaceId, options.now?.() ?? clock.now)) {
      const { rows: counted } = await client.query<{ revision: string }>(readRevision, [workspaceId]);
      clock.revision = counted[0]?.revision ?? clock.revision;
    }
    const tracked = await cache(client, workspaceId, clock.revision);
    return keepRound(client, workspaceId, clock, tracked, options, broken);
  });
  for (const [segment, reason] of broken) options.onBroken?.(workspaceId, segment, reason);
  return kept;
}

async function keepRound(
  client: Client,
  workspaceId: string,
  clock: ClockRow,
  tracked: Tracked,
  options: KeepOptions,
  broken: Map<string, string>,
): Promise<Kept> {
  const limits: KeepingLimits = { batch: options.batch ?? 500, timeoutMs: options.timeoutMs ?? 5000 };
  if (clock.listed !== tracked.revision) {
    await listEdges(client, workspaceId, [...tracked.edges.keys()]);
    await client.query(noteListed, [workspaceId, tracked.revision]);
  }
  const building = await readyToBuild(client, workspaceId, tracked);
  const now = options.now?.() ?? clock.now;
  const keeping: Keeping = {
    client,
    workspaceId,
    zone: clock.zone,
    tracked,
    building: new Map(building.map(({ key, built_to: to }) => [key, to])),
    now,
    // A clock that was put back looks at nothing twice.
    sweptTo: Math.min(clock.sweptTo ?? now, now),
    asked: new Set(),
    limits,
    flips: [],
    broken,
  };
  const changes = await keepChanges(keeping);
  const edges = await sweepEdges(keeping);
  await client.query(noteSwept, [workspaceId, new Date(now).toISOString()]);
  const next = building.find(({ begun }) => begun);
  const segment = next === undefined ? undefined : tracked.segments[tracked.positions.get(next.key) ?? -1];
  if (next !== undefined && segment !== undefined) await buildStep(keeping, segment, next);
  if (broken.size > 0) {
    await client.query(quarantine, [workspaceId, [...broken.keys()], [...broken.values()]]);
    await client.query(countRevision, [workspaceId]);
  }
  return { changes, edges, flips: keeping.flips, more: changes >= limits.batch || next !== undefined };
}

/**
 * The segments that are being built. A building begins once every transaction is over that was under way when the segment was
 * first seen here: one that changed somebody before it could see what the segment reads has told nobody of it.
 */
async function readyToBuild(client: Client, workspaceId: string, tracked: Tracked): Promise<BuildRow[]> {
  const { rows } = await client.query<BuildRow>(readBuilding, [workspaceId]);
  const fresh = rows.filter(({ begun }) => !begun).map(({ key }) => key);
  if (fresh.length === 0) return rows;
  await client.query(awaitOthers, [workspaceId, fresh]);
  const { rows: begun } = await client.query<{ key: string }>(begin, [workspaceId, fresh]);
  if (begun.length === 0) return rows;
  // Times that were written meanwhile are in no plan.
  const positions = new Set(begun.map(({ key }) => tracked.positions.get(key)));
  const edges = [...tracked.edges.values()].filter(({ segments }) =>
    segments.some((at) => positions.has(at)),
  );
  await client.query(planAnew, [workspaceId, edges.map(({ key }) => key)]);
  const keys = new Set(begun.map(({ key }) => key));
  return rows.map((row) => (keys.has(row.key) ? { ...row, begun: true } : row));
}

interface ClockRow {
  revision: string;
  /** The revision for which the edges were listed last. */
  listed: string | null;
  sweptTo: number | null;
  zone: string;
  now: number;
}

const findWorkspaces = `
  WITH RECURSIVE changed (workspace_id) AS (
    (SELECT workspace_id FROM segment_changes ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (
      SELECT c.workspace_id FROM segment_changes c WHERE c.workspace_id > changed.workspace_id
      ORDER BY c.workspace_id LIMIT 1
    )
    FROM changed WHERE changed.workspace_id IS NOT NULL
  )
  SELECT workspace_id AS workspace FROM changed WHERE workspace_id IS NOT NULL
  UNION
  SELECT workspace_id FROM segment_edges WHERE next_at <= coalesce($1::timestamptz, statement_timestamp())
  UNION
  SELECT workspace_id FROM segments WHERE state = 'building'
  UNION
  SELECT workspace_id FROM segment_overrides WHERE until <= coalesce($1::timestamptz, statement_timestamp())`;

const holdClock = `
  SELECT c.revision, c.listed, floor(extract(epoch FROM c.swept_to) * 1000)::double precision AS "sweptTo",
    coalesce((SELECT w.zone FROM workspaces w WHERE w.workspace_id = c.workspace_id), 'UTC') AS zone,
    floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now
  FROM segment_clocks c
  WHERE c.workspace_id = $1 FOR NO KEY UPDATE OF c SKIP LOCKED`;

const readRevision = `SELECT revision FROM segment_clocks WHERE workspace_id = $1`;

const noteListed = `UPDATE segment_clocks SET listed = $2 WHERE workspace_id = $1`;

const noteSwept = `UPDATE segment_clocks SET swept_to = $2 WHERE workspace_id = $1`;

const readBuilding = `
  SELECT s.key, s.built_to, s.tells, s.begun FROM segments s
  WHERE s.workspace_id = $1 AND s.state = 'building' ORDER BY s.begun DESC, s.updated_at, s.key`;

// Whoever writes people, companies or events holds such a lock to the end. The oldest running transaction of the server would do as
// well, and would let segments wait for whatever goes on in other databases.
const writers = `
  SELECT DISTINCT l.virtualtransaction AS transaction FROM pg_locks l
  WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation = ANY (ARRAY['end_users', 'companies', 'events']::regclass[])`;

const awaitOthers = `
  UPDATE segments SET build_after = ARRAY(SELECT transaction FROM (${writers}) AS w)
  WHERE workspace_id = $1 AND key = ANY ($2::text[]) AND build_after IS NULL`;

const begin = `
  UPDATE segments SET begun = true
  WHERE workspace_id = $1 AND key = ANY ($2::text[])
    AND NOT EXISTS (SELECT FROM (${writers}) AS w WHERE w.transaction = ANY (build_after))
  RETURNING key`;

const planAnew = `
  UPDATE segment_edges SET next_at = date_trunc('milliseconds', statement_timestamp())
  WHERE workspace_id = $1 AND edge = ANY ($2::text[])`;

const quarantine = `
  UPDATE segments s SET state = 'quarantined', reason = broken.reason
  FROM unnest($2::text[], $3::text[]) AS broken (key, reason)
  WHERE s.workspace_id = $1 AND s.key = broken.key`;

const countRevision = `UPDATE segment_clocks SET revision = revision + 1 WHERE workspace_id = $1`;
