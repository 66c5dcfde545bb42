import { followZoneInSegments } from '../../audience/segments/follow-zone.js';
import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError } from '../../errors/index.js';
import type { EmailSettings } from '../channels/email/settings.js';
import { changedSettings } from './check.js';
import type { SettingsChange } from './check.js';
import { readWorkspace, settingsView } from './settings.js';
import type { SettingsView } from './settings.js';
import { refuseUnconfirmed, zoneDiff } from './zone-diff.js';

export interface SaveSettings {
  readonly change: SettingsChange;
  /** Whether it is known what another zone moves. */
  readonly confirm?: boolean | undefined;
  /** What the installation sends e-mail with. */
  readonly email: EmailSettings;
}

/**
 * Changes a workspace's settings. What goes by the zone follows another one: schedules at once, segments and people who
 * wait in series within seconds, by the workers. A launched broadcast keeps its times.
 *
 * Errors, all at once: `settings_bad_name`, `bad_zone`, `settings_bad_trait`; then `unknown_workspace`; `zone_moves` where another zone moves
 * something and it is not confirmed.
 */
export async function saveSettings(
  pool: Pool,
  workspaceId: string,
  { change, email, confirm = false }: SaveSettings,
): Promise<SettingsView> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const before = await readWorkspace(client, workspaceId, 'FOR NO KEY UPDATE');
    const { settings, problems } = changedSettings(before, change);
    if (problems.length > 0) throw new MusterError(problems);
    if (!confirm) refuseUnconfirmed(await zoneDiff(client, workspaceId, before.zone, settings.zone));
    const { name, zone, zone_trait: zoneTrait, language_trait: languageTrait } = settings;
    const moves = zone !== before.zone || zoneTrait !== before.zone_trait;
    await client.query(put, [workspaceId, name, zone, zoneTrait, languageTrait, moves]);
    if (zone !== before.zone) await followZoneInSegments(client, workspaceId);
    return settingsView(client, workspaceId, email);
  });
}

const put = `
  UPDATE workspaces SET name = $2, zone = $3, person_zone_field = $4, person_language_field = $5,
    zone_followed_to = CASE WHEN $6 THEN '00000000-0000-0000-0000-000000000000' ELSE zone_followed_to END
  WHERE workspace_id = $1`;
