import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { dependenciesOf } from '../../filter/dependencies.js';
import { edgesOf } from '../../filter/edges.js';
import { edgePlace } from '../../filter/edges/sql.js';
import type { EdgePlace } from '../../filter/edges/sql.js';
import type { Filter } from '../../filter/tree.js';

/** Segments whose filters mean something new: one that was saved, and those around it. */
export interface Changed {
  readonly key: string;
  readonly filter: Filter;
}

/**
 * Has those of the segments that are tracked gone through anew, and notes what they read, so that from here on whoever changes
 * any of it says so. What the building finds is told where members were known before.
 */
export async function beginBuilding(
  client: Client,
  workspaceId: string,
  changed: readonly Changed[],
): Promise<void> {
  await client.query(note, [
    workspaceId,
    changed.map(({ key }) => key),
    changed.map(({ filter }) => JSON.stringify(dependenciesOf(filter))),
  ]);
  await client.query(build, [workspaceId, changed.map(({ key }) => key)]);
  await watchAll(client, workspaceId);
  await client.query(startClock, [workspaceId]);
}

/** Notes what all tracked segments of the workspace read, after any of them came, changed or went. */
export async function watchAll(client: Client, workspaceId: string): Promise<void> {
  await client.query(unwatch, [workspaceId]);
  await client.query(watch, [workspaceId]);
}

/** Above this, in the planner's units, a look that is made again and again costs too much: about 100,000 rows read one by one. */
const costliest = 30_000;

/**
 * Refuses to track a filter with stored times that can only be found by reading everybody, naming the index that would find them.
 * In a small workspace reading everybody is cheap, and nothing is refused.
 *
 * Errors: `segment_needs_index`.
 */
export async function checkCost(client: Client, workspaceId: string, filter: Filter): Promise<void> {
  const places = new Map(edgesOf(filter).map(({ source }) => [JSON.stringify(source), edgePlace(source)]));
  for (const place of places.values()) {
    const cost = await costOf(client, workspaceId, place);
    if (cost <= costliest) continue;
    const index = place.index?.definition ?? 'none is known';
    refuse('segment_needs_index', { value: place.value, index }, { path: '/filter' });
  }
}

async function costOf(client: Client, workspaceId: string, place: EdgePlace): Promise<number> {
  const values = [workspaceId, ...(place.event === null ? [] : [place.event])];
  const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(
    `EXPLAIN (FORMAT JSON) SELECT ${place.person} FROM ${place.people}
     WHERE ${place.where} AND ${place.value} >= now() AND ${place.value} < now() + interval '1 second'`,
    values,
  );
  return totalCost(rows[0]?.['QUERY PLAN']);
}

function totalCost(plan: unknown): number {
  const text = JSON.stringify(plan);
  const found = /"Total Cost":([0-9.]+)/.exec(text)?.[1];
  if (found === undefined) throw new Error('Postgres explained a plan without its cost');
  return Number(found);
}

const note = `
  UPDATE segments s SET reads = ARRAY(SELECT jsonb_array_elements_text(told.reads))
  FROM unnest($2::text[], $3::jsonb[]) AS told (key, reads)
  WHERE s.workspace_id = $1 AND s.key = told.key`;

// A building that never came to its end begins again as it was.
const build = `
  UPDATE segments SET state = 'building', built_to = NULL, build_after = NULL, begun = false, reason = NULL,
    tells = tells OR state <> 'building'
  WHERE workspace_id = $1 AND key = ANY ($2::text[]) AND tracked`;

const unwatch = `
  DELETE FROM segment_watches w WHERE w.workspace_id = $1 AND w.name NOT IN (
    SELECT read.name FROM segments s CROSS JOIN LATERAL unnest(s.reads) AS read (name)
    WHERE s.workspace_id = $1 AND s.tracked AND s.state <> 'quarantined'
  )`;

const watch = `
  INSERT INTO segment_watches (workspace_id, name)
  SELECT DISTINCT $1, read.name FROM segments s CROSS JOIN LATERAL unnest(s.reads) AS read (name)
  WHERE s.workspace_id = $1 AND s.tracked AND s.state <> 'quarantined'
  ON CONFLICT (workspace_id, name) DO NOTHING`;

const startClock = `
  UPDATE segment_clocks SET swept_to = date_trunc('milliseconds', now()) WHERE workspace_id = $1 AND swept_to IS NULL`;
