import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';

/** What a workspace decides for its broadcasts, and what time it is. */
export interface Settings {
  readonly zone: string;
  /** The custom field that holds a person's zone. */
  readonly person_zone_field: string;
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
}

/** @param now stands for the clock of Postgres. Errors: `unknown_workspace`. */
export async function settingsOf(client: Client, workspaceId: string, now?: number): Promise<Settings> {
  const { rows } = await client.query<Settings>(readSettings, [workspaceId]);
  const settings = rows[0] ?? refuse('unknown_workspace', { workspace: workspaceId });
  return now === undefined ? settings : { ...settings, now };
}

const readSettings = `
  SELECT w.zone, w.person_zone_field, floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now
  FROM workspaces w WHERE w.workspace_id = $1`;
