import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, problem, refuse } from '../../errors/index.js';
import { seriesByKey } from '../outbox/active-series.js';
import { definitionCache } from './definitions.js';

export interface Moved {
  readonly version: number;
  /** Enrolments that are on this version now and were not before. */
  readonly moved: number;
  /** Enrolments that a worker held all the time; asking again moves them. */
  readonly left: number;
}

/** Enrolments of one transaction. */
const atOnce = 5000;
/** Looks at what workers hold, 50 milliseconds apart. */
const mostLooks = 100;

/**
 * Moves the people inside a series to a version of it, by default the current one, each to the step of the same key. Their
 * place is looked at anew at once: a wait counts from when they arrived, with its new length. The messages they had are
 * not repeated. Where `from` is given, only those on that version are moved.
 *
 * Errors: `series_not_found`, `series_no_such_version`, and, for all steps at once, `series_step_gone`: then nobody is moved.
 */
export async function moveToVersion(
  pool: Pool,
  workspaceId: string,
  key: string,
  wanted?: number,
  from?: number,
): Promise<Moved> {
  let moved = 0;
  let target: Target | null = null;
  for (let look = 0; ; look += 1) {
    const found: Target =
      target ??
      (await inWorkspace(pool, workspaceId, (client) => targetOf(client, workspaceId, key, wanted, from)));
    target = found;
    const values = [workspaceId, key, found.version, from ?? null, found.steps];
    let some = 0;
    do {
      const { rows } = await inWorkspace(pool, workspaceId, (client) =>
        client.query<{ moved: number }>(moveSome, [...values, atOnce]),
      );
      some = rows[0]?.moved ?? 0;
      moved += some;
    } while (some === atOnce);
    const { rows } = await inWorkspace(pool, workspaceId, (client) =>
      client.query<{ left: number }>(countLeft, values.slice(0, 4)),
    );
    const left = rows[0]?.left ?? 0;
    if (left === 0 || look >= mostLooks) return { version: found.version, moved, left };
    await sleep(50);
  }
}

interface Target {
  readonly version: number;
  readonly steps: readonly string[];
}

async function targetOf(
  client: Client,
  workspaceId: string,
  key: string,
  wanted: number | undefined,
  from: number | undefined,
): Promise<Target> {
  const series = (await seriesByKey(client, workspaceId, key)) ?? refuse('series_not_found', { key });
  const version = wanted ?? series.version;
  for (const each of [version, from ?? version]) {
    if (!Number.isInteger(each) || each < 1 || each > series.version)
      refuse('series_no_such_version', { key, version: each, last: series.version });
  }
  const definition = await definitionCache()(client)(workspaceId, key, version);
  const steps = definition.steps.map((step) => step.key);
  const gone = await findStepsGone(client, workspaceId, key, version, from ?? null, steps);
  if (gone.length > 0) {
    throw new MusterError(
      gone.map(({ step, count }) => problem('series_step_gone', { step, count, key, version })),
    );
  }
  return { version, steps };
}

/** A step at which people stand and which a version does not have; `count` is of their enrolments. */
export interface StepGone {
  readonly step: string;
  readonly count: number;
}

/** Steps that keep people on other versions (those of `from` where it is given) from being moved to one with these steps. */
export async function findStepsGone(
  client: Client,
  workspaceId: string,
  key: string,
  version: number,
  from: number | null,
  steps: readonly string[],
): Promise<StepGone[]> {
  const { rows } = await client.query<StepGone>(findGone, [workspaceId, key, version, from, steps]);
  return rows;
}

const findGone = `
  SELECT e.step, count(*)::integer AS count FROM enrollments e
  WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active' AND e.version <> $3
    AND ($4::integer IS NULL OR e.version = $4) AND e.step <> ALL ($5::text[])
  GROUP BY e.step ORDER BY e.step`;

// A row that becomes pending loses its place in Redis, and with it every claim that began on the old version. What a worker
// holds is not moved under its hands.
const moveSome = `
  WITH movable AS MATERIALIZED (
    SELECT e.workspace_id, e.id, w.id AS work
    FROM enrollments e
    JOIN work w ON w.workspace_id = e.workspace_id AND w.enrollment_id = e.id AND w.step = e.step AND w.visit = e.visit
    WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active' AND e.version <> $3
      AND ($4::integer IS NULL OR e.version = $4) AND e.step = ANY ($5::text[]) AND w.state IN ('pending', 'enqueued', 'unknown')
    ORDER BY e.id LIMIT $6
    FOR NO KEY UPDATE OF e, w
  ),
  woken AS (
    UPDATE work w
    SET state = 'pending', due_at = least(w.due_at, date_trunc('milliseconds', statement_timestamp()))
    FROM movable
    WHERE w.workspace_id = movable.workspace_id AND w.id = movable.work AND w.state <> 'unknown'
  ),
  moved AS (
    UPDATE enrollments e SET version = $3, pokes = e.pokes + 1
    FROM movable WHERE e.workspace_id = movable.workspace_id AND e.id = movable.id
    RETURNING 1
  )
  SELECT count(*)::integer AS moved FROM moved`;

const countLeft = `
  SELECT count(*)::integer AS left FROM enrollments e
  WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active' AND e.version <> $3
    AND ($4::integer IS NULL OR e.version = $4)`;
