import type { Pool } from '../database/pool.js';
import { inWorkspace } from '../database/workspace.js';
import { refuse } from '../errors/index.js';

/** The IANA zone that a workspace counts its days in. Errors: `unknown_workspace`. */
export async function zoneOf(pool: Pool, workspaceId: string): Promise<string> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<{ zone: string }>('SELECT zone FROM workspaces WHERE workspace_id = $1', [workspaceId]),
  );
  return rows[0]?.zone ?? refuse('unknown_workspace', { workspace: workspaceId });
}
