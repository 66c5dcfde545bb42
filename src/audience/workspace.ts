import type { ClientBase, Pool } from 'pg';
import { refuse } from '../errors/index.js';

/** The IANA zone that a workspace counts its days in. Errors: `unknown_workspace`. */
export async function zoneOf(db: Pool | ClientBase, workspaceId: string): Promise<string> {
  const { rows } = await db.query<{ zone: string }>('SELECT zone FROM workspaces WHERE workspace_id = $1', [
    workspaceId,
  ]);
  return rows[0]?.zone ?? refuse('unknown_workspace', { workspace: workspaceId });
}
