import type { Pool } from '../database/pool.js';
import { queryInWorkspace } from '../database/one-trip.js';
import { refuse } from '../errors/index.js';

/** The zone that a workspace counts its days in. Errors: `unknown_workspace`. */
export async function zoneOf(pool: Pool, workspaceId: string): Promise<string> {
  const { rows } = await queryInWorkspace<{ zone: string }>(pool, workspaceId, {
    text: 'SELECT zone FROM workspaces WHERE workspace_id = $1',
    values: [workspaceId],
  });
  return rows[0]?.zone ?? refuse('unknown_workspace', { workspace: workspaceId });
}
