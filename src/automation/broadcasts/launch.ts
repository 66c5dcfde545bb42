import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { breakdownColumn } from './breakdown.js';
import type { Breakdown } from './breakdown.js';
import { freezeRun } from './freeze.js';
import { placesOf } from './places.js';
import { refuseTime, refuseUnsendable } from './refuse-launch.js';
import { settingsOf } from './settings.js';
import { onceRun, readDefinition, refuseLaunched } from './store.js';
import { isOver } from './times.js';

export interface LaunchBroadcast {
  /**
   * Names this launch of a broadcast that is launched many times, such as the time it is for. Asking again with the same name
   * answers the launch that there was. Left out, the broadcast is sent once, and a second launch is refused.
   */
  readonly run?: string | undefined;
  /** Milliseconds since 1970 (UTC) that stand for now; the clock of Postgres when left out. */
  readonly now?: number | undefined;
  /** Milliseconds that the freeze may take; default 600,000. */
  readonly timeoutMs?: number | undefined;
}

export interface Launched {
  readonly key: string;
  readonly run: string;
  /** Whether an earlier call with the same run made this launch. */
  readonly again: boolean;
  readonly launched_at: Date;
  readonly breakdown: Breakdown;
}

/**
 * Freezes the audience, in one statement, and hands it to the workers: who matches from now on is not sent to, and who
 * changes is skipped with a reason. All of it or none is committed.
 *
 * Errors: `broadcast_not_found`, `broadcast_archived`, `broadcast_recurs`, `broadcast_bad_run`, `broadcast_launched`, `broadcast_time_over`,
 * `broadcast_empty_audience`, `broadcast_nobody_to_send`, `broadcast_variable_missing`, `broadcast_zone_values`,
 * `audience_timeout`.
 */
export async function launchBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run, now, timeoutMs = 600_000 }: LaunchBroadcast = {},
): Promise<Launched> {
  if (run !== undefined && !/^[A-Za-z0-9._:+-]{1,100}$/.test(run))
    refuse('broadcast_bad_run', { run: shown(run) }, { path: '/run' });
  return inWorkspace(pool, workspaceId, async (client) => {
    // Two launches of one broadcast follow each other; the second finds what the first one did.
    await client.query(lockBroadcast, [workspaceId, key]);
    const { definition, archived } = await readDefinition(client, workspaceId, key);
    const name = run ?? onceRun;
    const { rows: earlier } = await client.query<Omit<Launched, 'again'>>(readLaunched, [
      workspaceId,
      key,
      name,
    ]);
    if (run === undefined) await refuseLaunched(client, workspaceId, key);
    if (earlier[0] !== undefined) return { ...earlier[0], again: true };
    if (archived) refuse('broadcast_archived', { key });
    if (run === undefined && definition.schedule.kind === 'recurring') refuse('broadcast_recurs', { key });

    const settings = await settingsOf(client, workspaceId, now);
    const { schedule } = definition;
    if (isOver(schedule, settings.zone, settings.now)) refuseTime(definition);
    const snapshot = { workspaceId, moment: { now: settings.now, zone: settings.zone }, timeoutMs };
    const places = await placesOf(client, snapshot, definition, settings);
    const frozen = await freezeRun(client, snapshot, { definition, places, run: name, test: false });
    const { breakdown, missing, launchedAt } = frozen;
    // Nothing of a refused launch is kept: the transaction ends with it.
    refuseUnsendable(definition, breakdown, missing);
    return { key, run: name, again: false, launched_at: launchedAt, breakdown };
  });
}

const lockBroadcast = `SELECT FROM broadcasts b WHERE b.workspace_id = $1 AND b.key = $2 FOR NO KEY UPDATE`;

const readLaunched = `
  SELECT r.broadcast_key AS key, r.run, r.launched_at, ${breakdownColumn} FROM broadcast_runs r
  WHERE r.workspace_id = $1 AND r.broadcast_key = $2 AND r.run = $3`;
