import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';

/** One saved state of a series. */
export interface SeriesVersion {
  readonly version: number;
  readonly created_at: Date;
  /** People inside on this version. */
  readonly inside: number;
  /** The document as it was written. */
  readonly definition: Readonly<Record<string, unknown>>;
}

/** Every version of a series, the latest first. Errors: `series_not_found`. */
export async function listVersions(pool: Pool, workspaceId: string, key: string): Promise<SeriesVersion[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<SeriesVersion>(readVersions, [workspaceId, key]),
  );
  // A series has a version from its first moment on.
  return rows.length > 0 ? rows : refuse('series_not_found', { key });
}

const readVersions = `
  SELECT v.version, v.created_at, v.definition, coalesce(inside.count, 0) AS inside
  FROM series_versions v
  LEFT JOIN (
    SELECT e.version, count(*)::integer AS count FROM enrollments e
    WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.state = 'active' GROUP BY e.version
  ) AS inside ON inside.version = v.version
  WHERE v.workspace_id = $1 AND v.series_key = $2
  ORDER BY v.version DESC`;
