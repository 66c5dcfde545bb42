import { parseFilter } from '../../filter/parse.js';
import { segmentsIn } from '../../filter/named-in.js';
import type { Filter } from '../../filter/tree.js';
import { runStatement } from '../../traits/database.js';
import type { Database } from '../../traits/database.js';
import { effectiveOf, overriddenIds } from './effective.js';
import type { StoredFilter } from './effective.js';

/** Saved filters by key, as JSON: what `segment` may name. */
export type SavedSegments = ReadonlyMap<string, unknown>;

/**
 * The saved segments that a document names, with those that they name in turn. Where it names one that is not there, others are
 * among them, so that a refusal can say what is.
 */
export async function savedSegments(
  db: Database,
  workspaceId: string,
  document: unknown,
): Promise<SavedSegments> {
  const names = segmentsIn(document);
  if (names.length === 0) return new Map();
  const { rows } = await runStatement<StoredFilter & { key: string }>(db, workspaceId, {
    text: readNamed,
    values: [workspaceId, names],
  });
  return new Map(rows.map((row) => [row.key, effectiveOf(row)]));
}

/** A filter as this workspace reads it. Errors: those of `parseFilter`. */
export async function parseFilterIn(db: Database, workspaceId: string, input: unknown): Promise<Filter> {
  return parseFilter(input, { segments: await savedSegments(db, workspaceId, input) });
}

const readNamed = `
  WITH RECURSIVE named AS (
    SELECT s.workspace_id, s.key, s.filter, s.uses FROM segments s
    WHERE s.workspace_id = $1 AND s.key = ANY ($2::text[])
    UNION
    SELECT s.workspace_id, s.key, s.filter, s.uses
    FROM named CROSS JOIN LATERAL unnest(named.uses) AS used (key)
    JOIN segments s ON s.workspace_id = $1 AND s.key = used.key
  )
  SELECT s.key, s.filter, ${overriddenIds('s')} FROM named s
  UNION ALL
  (SELECT s.key, s.filter, NULL FROM segments s
   WHERE s.workspace_id = $1 AND s.key NOT IN (SELECT key FROM named)
     AND (SELECT count(*) FROM named WHERE key = ANY ($2::text[])) < cardinality($2::text[])
   ORDER BY s.key LIMIT 200)`;
