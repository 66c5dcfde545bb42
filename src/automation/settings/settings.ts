import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { missingIn, readSettings as readEmail, settingsOver } from '../channels/email/settings.js';
import type { EmailSettings } from '../channels/email/settings.js';

/** What a workspace decides for all that it does. */
export interface WorkspaceSettings {
  readonly name: string;
  /** The zone in which it counts its days, as `zoneNamed` names it. */
  readonly zone: string;
  /** The custom traits that hold a person's zone and language. */
  readonly zone_trait: string;
  readonly language_trait: string;
}

/** The settings as callers see them. */
export interface SettingsView extends WorkspaceSettings {
  /** Who e-mail comes from: a setting of the e-mail channel, shown here and kept there. */
  readonly sender: {
    readonly from: string | null;
    readonly reply_to: string | null;
    /** What keeps e-mail from being sent. */
    readonly missing: readonly string[];
  };
}

/** @param email what the installation sends e-mail with. Errors: `unknown_workspace`. */
export async function getSettings(
  pool: Pool,
  workspaceId: string,
  email: EmailSettings,
): Promise<SettingsView> {
  return inWorkspace(pool, workspaceId, (client) => settingsView(client, workspaceId, email));
}

export async function settingsView(
  client: Client,
  workspaceId: string,
  email: EmailSettings,
): Promise<SettingsView> {
  const settings = await readWorkspace(client, workspaceId);
  const sending = settingsOver(await readEmail(client, workspaceId), email);
  const { from, reply_to } = sending;
  return { ...settings, sender: { from, reply_to, missing: missingIn(sending) } };
}

/** Errors: `unknown_workspace`. */
export async function readWorkspace(
  client: Client,
  workspaceId: string,
  lock: '' | 'FOR NO KEY UPDATE' = '',
): Promise<WorkspaceSettings> {
  const { rows } = await client.query<WorkspaceSettings>(`${read} ${lock}`, [workspaceId]);
  return rows[0] ?? refuse('unknown_workspace', { workspace: workspaceId });
}

const read = `
  SELECT w.name, w.zone, w.person_zone_field AS zone_trait, w.person_language_field AS language_trait
  FROM workspaces w WHERE w.workspace_id = $1`;
