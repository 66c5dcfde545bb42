import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { archiveSeries } from './store.js';
import type { SavedSeries } from './store.js';

/**
 * What a call to delete a series does: archives it, because what it did to people stays on record. Refused while people
 * are inside, unless `force` says that they are to leave. Whoever enters at the same moment leaves at their first step.
 *
 * Errors: `series_not_found`, `series_has_people`.
 */
export async function deleteSeries(
  pool: Pool,
  workspaceId: string,
  key: string,
  { force }: { readonly force: boolean },
): Promise<SavedSeries> {
  if (!force) {
    const { rows } = await inWorkspace(pool, workspaceId, (client) =>
      client.query<{ count: number }>(countInside, [workspaceId, key]),
    );
    const count = rows[0]?.count ?? refuse('series_not_found', { key });
    if (count > 0) refuse('series_has_people', { key, count });
  }
  return archiveSeries(pool, workspaceId, key);
}

// What is archived already is deleted again, whoever is still on the way out.
const countInside = `
  SELECT CASE s.state WHEN 'archived' THEN 0 ELSE (
    SELECT count(*)::integer FROM enrollments e
    WHERE e.workspace_id = s.workspace_id AND e.series_key = s.key AND e.state = 'active'
  ) END AS count
  FROM series s WHERE s.workspace_id = $1 AND s.key = $2`;
