import type { Client } from '../../database/pool.js';
import { edgesOf } from '../../filter/edges.js';
import { parseFilter } from '../../filter/parse.js';
import { leavesWithin } from '../../filter/tree.js';
import type { Filter, Leaf } from '../../filter/tree.js';
import { effectiveOf, overriddenIds } from './effective.js';
import type { StoredFilter } from './effective.js';
import { holdSegments, noteRevision } from './store.js';
import { beginBuilding } from './track.js';
import type { Changed } from './track.js';

/**
 * The tracked segments whose members depend on the zone of the workspace: their filters compare times. Those that are given
 * up already stay so.
 */
export async function segmentsByZone(client: Client, workspaceId: string): Promise<Changed[]> {
  const { rows } = await client.query<StoredFilter & { key: string; tracked: boolean }>(readAll, [
    workspaceId,
  ]);
  const segments = new Map(rows.map((row) => [row.key, effectiveOf(row)]));
  return rows
    .filter(({ tracked }) => tracked)
    .map(({ key }) => ({ key, filter: parseFilter(segments.get(key), { segments, self: key }) }))
    .filter(({ filter }) => asksOfTime(filter));
}

/** Goes through the people of these segments anew, in the caller's transaction, and tells who enters and leaves. */
export async function followZoneInSegments(client: Client, workspaceId: string): Promise<void> {
  await holdSegments(client, workspaceId);
  const changed = await segmentsByZone(client, workspaceId);
  if (changed.length === 0) return;
  await beginBuilding(client, workspaceId, changed);
  await noteRevision(client, workspaceId);
}

function asksOfTime(filter: Filter): boolean {
  return edgesOf(filter).length > 0 || leavesWithin(filter).some(comparesTime);
}

/** A day of a customer begins when the zone says so, against a fixed instant too. */
function comparesTime(leaf: Leaf): boolean {
  if (leaf.kind === 'compare') return leaf.value.type === 'time';
  if (leaf.kind === 'in') return leaf.items.some(({ type }) => type === 'time');
  return leaf.kind === 'between' && (leaf.low.type === 'time' || leaf.high.type === 'time');
}

const readAll = `
  SELECT s.key, s.filter, ${overriddenIds('s')}, s.tracked AND s.state <> 'quarantined' AS tracked FROM segments s
  WHERE s.workspace_id = $1 ORDER BY s.key`;
