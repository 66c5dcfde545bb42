import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { keepSchedule, pauseSchedule } from '../schedules/keep.js';
import { latestRun, lockRun } from './runs.js';
import type { Run, RunState } from './runs.js';
import { settleCancelled } from './settle-cancelled.js';
import { readOne, scheduleName } from './store.js';
import type { SavedBroadcast } from './store.js';

export interface WhichRun {
  /** Name of the run; the latest when left out. */
  readonly run?: string | undefined;
}

/**
 * Stops sending: what a worker has already handed to the channel arrives, and nothing else begins. Where no run is named, one that
 * recurs begins no run either until it is resumed. Errors: `broadcast_not_found`, `broadcast_run_not_found`, `broadcast_over`.
 */
export async function pauseBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  which: WhichRun = {},
): Promise<SavedBroadcast> {
  return change(pool, workspaceId, key, which, { to: 'paused', from: ['running'], wanted: 'paused' });
}

/** Goes on where it stopped, by hand or by the breaker. Errors as of `pauseBroadcast`. */
export async function resumeBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  which: WhichRun = {},
): Promise<SavedBroadcast> {
  return change(pool, workspaceId, key, which, { to: 'running', from: ['paused'], wanted: 'resumed' });
}

/** Ends it for good: whoever was not sent to is skipped as `cancelled`. Errors as of `pauseBroadcast`. */
export async function cancelBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  which: WhichRun = {},
): Promise<SavedBroadcast> {
  return change(pool, workspaceId, key, which, {
    to: 'cancelled',
    from: ['running', 'paused'],
    wanted: 'cancelled',
  });
}

interface Change {
  readonly to: RunState;
  readonly from: readonly RunState[];
  readonly wanted: string;
}

async function change(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run: name }: WhichRun,
  { to, from, wanted }: Change,
): Promise<SavedBroadcast> {
  return inWorkspace(pool, workspaceId, async (client) => {
    if (name === undefined && (await pauseRecurring(client, workspaceId, key, to))) {
      const latest = await latestRun(client, workspaceId, key);
      if (latest !== null && from.includes(latest.state)) await setState(client, workspaceId, latest, to);
      return readOne(client, workspaceId, key);
    }
    const run = await lockRun(client, workspaceId, key, name);
    if (run.state !== to) {
      if (!from.includes(run.state)) refuse('broadcast_over', { key, state: run.state, wanted });
      await setState(client, workspaceId, run, to);
    }
    return readOne(client, workspaceId, key);
  });
}

/** Of a broadcast that recurs, the schedule is paused with the run under way. Answers whether it was one. */
async function pauseRecurring(
  client: Client,
  workspaceId: string,
  key: string,
  to: RunState,
): Promise<boolean> {
  if (to !== 'paused' && to !== 'running') return false;
  return pauseSchedule(client, scheduleName(workspaceId, key), to === 'paused');
}

async function setState(client: Client, workspaceId: string, run: Run, to: RunState): Promise<void> {
  await client.query(writeState, [workspaceId, run.id, to, to === 'paused' ? 'by_hand' : null]);
  if (to === 'running') await client.query(releaseChunks, [workspaceId, run.id]);
  if (to !== 'cancelled') return;
  await client.query(skipPending, [workspaceId, run.id]);
  await client.query(cancelChunks, [workspaceId, run.id]);
}

/**
 * What a call to delete a broadcast does: one that was never launched, nor tested on anybody, is gone; one that was is archived, because what it did
 * to people stays on record. Refused while people are still to be sent to, unless `force` says that they are not.
 *
 * Errors: `broadcast_not_found`, `broadcast_under_way`.
 *
 * @returns the broadcast as it was
 */
export async function deleteBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { force }: { readonly force: boolean },
): Promise<SavedBroadcast> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await client.query(lockBroadcast, [workspaceId, key]);
    const before = await readOne(client, workspaceId, key);
    const { rows: runs } = await client.query<Run & { left: number }>(findRuns, [workspaceId, key]);
    const underWay = runs.filter(({ state }) => state === 'running' || state === 'paused');
    const left = underWay.reduce((total, run) => total + run.left, 0);
    if (left > 0 && !force) refuse('broadcast_under_way', { key, count: left });
    for (const run of underWay) await setState(client, workspaceId, run, 'cancelled');
    await keepSchedule(client, scheduleName(workspaceId, key), null);
    if (runs.length === 0) {
      await client.query(removeDraft, [workspaceId, key]);
      return before;
    }
    await client.query(archive, [workspaceId, key]);
    return readOne(client, workspaceId, key);
  });
}

const lockBroadcast = `SELECT FROM broadcasts b WHERE b.workspace_id = $1 AND b.key = $2 FOR NO KEY UPDATE`;

const writeState = `
  UPDATE broadcast_runs
  SET state = $3, reason = $4, detail = NULL, failing = 0, quiet_until = '-infinity',
    finished_at = CASE WHEN $3 IN ('cancelled', 'completed') THEN date_trunc('milliseconds', statement_timestamp()) END
  WHERE workspace_id = $1 AND id = $2`;

// What is on its way to the channel stays `sending` first, and ends as it ends; what may have arrived once is not skipped.
const skipPending = `
  UPDATE broadcast_recipients
  SET state = CASE WHEN unsure THEN 'unknown' ELSE 'skipped' END, reason = 'cancelled', retry_at = NULL, message = NULL
  WHERE workspace_id = $1 AND run_id = $2 AND state = 'pending'`;

const releaseChunks = `
  UPDATE work SET held = false WHERE workspace_id = $1 AND run_id = $2 AND kind = 'chunk' AND held`;

// What a worker holds is left to it: it finds that the run is over. Where none does, nobody is on their way any more.
const cancelChunks = `
  WITH cancelled AS (
    UPDATE work SET state = 'cancelled', held = false, finished_at = statement_timestamp()
    WHERE workspace_id = $1 AND run_id = $2 AND kind = 'chunk' AND state IN ('pending', 'enqueued')
    RETURNING *
  )
  ${settleCancelled('cancelled')}`;

const findRuns = `
  SELECT r.id, r.run, r.state, (
    SELECT count(*)::integer FROM broadcast_recipients p
    WHERE p.workspace_id = r.workspace_id AND p.run_id = r.id AND p.state = 'pending'
      AND r.state IN ('running', 'paused')
  ) AS left
  FROM broadcast_runs r WHERE r.workspace_id = $1 AND r.broadcast_key = $2
  FOR NO KEY UPDATE OF r`;

const removeDraft = `DELETE FROM broadcasts WHERE workspace_id = $1 AND key = $2`;

const archive = `
  UPDATE broadcasts SET archived = true, updated_at = date_trunc('milliseconds', now())
  WHERE workspace_id = $1 AND key = $2`;
