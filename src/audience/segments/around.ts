import type { Client } from '../../database/pool.js';
import { MusterError, refuse } from '../../errors/index.js';
import { parseFilter } from '../../filter/parse.js';
import { segmentsIn } from '../../filter/named-in.js';
import type { Filter } from '../../filter/tree.js';
import { isObject } from '../../filter/values.js';
import { parseRule } from '../rules/parse.js';
import { rulesNaming } from '../rules/naming.js';
import { effectiveOf, overriddenIds } from './effective.js';
import type { StoredFilter } from './effective.js';
import { savedSegments } from './saved.js';
import type { SavedSegments } from './saved.js';
import type { SaveSegment } from './store.js';
import type { Changed } from './track.js';
import { documentsNaming } from './users.js';

/**
 * What this one stands in is read with its new filter, so that nothing becomes what could not be saved: segments, rules, series and
 * broadcasts. Answers the segments. Error: `segment_breaks_others`.
 */
export async function readAround(
  client: Client,
  workspaceId: string,
  segment: SaveSegment,
): Promise<Changed[]> {
  const { rows } = await client.query<StoredFilter & { key: string }>(findAround, [workspaceId, segment.key]);
  const others = rows.map((row) => ({ key: row.key, filter: effectiveOf(row) }));
  const found: Changed[] = [];
  for (const { key, filter } of others) {
    const segments = await withChanged(client, workspaceId, segment, filter);
    const read = (): Filter => parseFilter(filter, { segments, self: key });
    found.push({ key, filter: refuseBroken(`segment \`${key}\``, read) });
  }
  const names = [segment.key, ...others.map(({ key }) => key)];
  for (const { key, definition } of await rulesNaming(client, workspaceId, names)) {
    const segments = await withChanged(client, workspaceId, segment, definition);
    refuseBroken(`rule \`${key}\``, () => parseRule(definition, { segments }));
  }
  for (const { kind, key, definition } of await documentsNaming(client, workspaceId, names)) {
    const segments = await withChanged(client, workspaceId, segment, definition);
    for (const filter of filtersIn(definition, await savedSegments(client, workspaceId, definition))) {
      refuseBroken(`${kind} \`${key}\``, () => parseFilter(filter, { segments }));
    }
  }
  return found;
}

/** The filters of a document that name segments: what reads as one, each whole. */
function filtersIn(document: unknown, segments: SavedSegments): unknown[] {
  if (!isObject(document) || segmentsIn(document).length === 0) return [];
  try {
    parseFilter(document, { segments });
    return [document];
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    return Object.values(document).flatMap((part) => filtersIn(part, segments));
  }
}

/** The segments that a document names, as they will be. */
async function withChanged(
  client: Client,
  workspaceId: string,
  { key, filter }: SaveSegment,
  document: unknown,
): Promise<SavedSegments> {
  const saved = await savedSegments(client, workspaceId, [document, filter]);
  return new Map([...saved, [key, filter]]);
}

function refuseBroken<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    const reason = error.problems[0]?.message ?? '';
    return refuse('segment_breaks_others', { what, reason }, { path: '/filter' });
  }
}

const findAround = `
  WITH RECURSIVE around AS (
    SELECT s.key FROM segments s WHERE s.workspace_id = $1 AND $2 = ANY (s.uses)
    UNION
    SELECT s.key FROM around JOIN segments s ON s.workspace_id = $1 AND around.key = ANY (s.uses)
  )
  SELECT s.key, s.filter, ${overriddenIds('s')} FROM around JOIN segments s ON s.workspace_id = $1 AND s.key = around.key
  WHERE s.key <> $2
  ORDER BY s.key`;
