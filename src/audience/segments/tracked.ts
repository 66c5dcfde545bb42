import type { Client } from '../../database/pool.js';
import { changesOf, dependenciesOf } from '../../filter/dependencies.js';
import { edgeKey, edgesOf } from '../../filter/edges.js';
import type { Edge } from '../../filter/edges.js';
import { parseFilter } from '../../filter/parse.js';
import { indexFilters } from '../../filter/percolate.js';
import type { FilterIndex } from '../../filter/percolate.js';
import { leavesWithin } from '../../filter/tree.js';
import type { Filter, Window } from '../../filter/tree.js';
import { effectiveOf, overriddenIds } from './effective.js';
import type { StoredFilter } from './effective.js';

/** A segment whose members are stored. */
export interface TrackedSegment {
  readonly key: string;
  readonly filter: Filter;
  readonly reads: ReadonlySet<string>;
  /** Whether time alone can change who is in it. */
  readonly moves: boolean;
  /** Which events it counts, each with the windows; null for one of all time. */
  readonly events: ReadonlyMap<string, readonly (Window | null)[]>;
}

/** An edge, with the positions of the segments that have it. */
export interface TrackedEdge {
  readonly key: string;
  readonly edge: Edge;
  /** The names under which a change of its stored times is told. */
  readonly reads: ReadonlySet<string>;
  readonly segments: readonly number[];
}

/** All that is tracked in a workspace, as of one revision of its segments. */
export interface Tracked {
  readonly revision: string;
  readonly segments: readonly TrackedSegment[];
  readonly positions: ReadonlyMap<string, number>;
  readonly index: FilterIndex;
  readonly edges: ReadonlyMap<string, TrackedEdge>;
}

/** Workspaces kept in memory; the one used longest ago goes first. */
const kept = 200;

export type TrackedCache = (client: Client, workspaceId: string, revision: string) => Promise<Tracked>;

/** Reads what is tracked in a workspace, again only when a segment was saved. */
export function trackedCache(): TrackedCache {
  const cache = new Map<string, Tracked>();
  return async (client, workspaceId, revision) => {
    const known = cache.get(workspaceId);
    const found = known?.revision === revision ? known : await readTracked(client, workspaceId, revision);
    cache.delete(workspaceId);
    cache.set(workspaceId, found);
    const [oldest] = cache.keys();
    if (cache.size > kept && oldest !== undefined) cache.delete(oldest);
    return found;
  };
}

async function readTracked(client: Client, workspaceId: string, revision: string): Promise<Tracked> {
  const { rows } = await client.query<StoredFilter & { key: string; tracked: boolean }>(readAll, [
    workspaceId,
  ]);
  const saved = new Map(rows.map((row) => [row.key, effectiveOf(row)]));
  const segments = rows
    .filter(({ tracked }) => tracked)
    .map(({ key }) => trackedSegment(key, parseFilter(saved.get(key), { segments: saved, self: key })));
  return trackedOf(revision, segments);
}

export function trackedSegment(key: string, filter: Filter): TrackedSegment {
  const events = new Map<string, (Window | null)[]>();
  for (const leaf of leavesWithin(filter)) {
    if (leaf.kind === 'did') events.set(leaf.event, [...(events.get(leaf.event) ?? []), leaf.within]);
  }
  return {
    key,
    filter,
    reads: new Set(dependenciesOf(filter)),
    moves: edgesOf(filter).length > 0,
    events,
  };
}

export function trackedOf(revision: string, segments: readonly TrackedSegment[]): Tracked {
  const edges = new Map<
    string,
    { key: string; edge: Edge; reads: ReadonlySet<string>; segments: number[] }
  >();
  segments.forEach(({ filter }, position) => {
    for (const edge of edgesOf(filter)) {
      const key = edgeKey(edge);
      const known = edges.get(key);
      if (known === undefined) edges.set(key, { key, edge, reads: readsOf(edge), segments: [position] });
      else known.segments.push(position);
    }
  });
  return {
    revision,
    segments,
    positions: new Map(segments.map(({ key }, position) => [key, position])),
    index: indexFilters(segments.map(({ filter }) => filter)),
    edges,
  };
}

function readsOf({ source }: Edge): ReadonlySet<string> {
  return new Set(source.kind === 'field' ? changesOf(source.field) : [`event:${source.event}`]);
}

const readAll = `
  SELECT s.key, s.filter, ${overriddenIds('s')}, s.tracked AND s.state <> 'quarantined' AS tracked FROM segments s
  WHERE s.workspace_id = $1 ORDER BY s.key`;
