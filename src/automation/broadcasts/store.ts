import { savedSegments } from '../../audience/segments/saved.js';
import { holdSegments } from '../../audience/segments/store.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { isObject } from '../../filter/parse/context.js';
import { segmentsIn } from '../../filter/named-in.js';
import { noSettings } from '../channels/email/settings.js';
import { keepSchedule } from '../schedules/keep.js';
import type { ScheduleName } from '../schedules/settle.js';
import { namesIn } from '../series/store.js';
import type { SaveOptions } from '../series/store.js';
import { asFrequencyCaps, readWorkspaceCaps } from '../workspace-caps.js';
import type { BroadcastDefinition } from './model.js';
import { parseBroadcast } from './parse.js';

/**
 * `draft`: never launched. `scheduled`: launched, and nobody is due yet. `sending`; `paused`, by hand or by the breaker;
 * `cancelled`; `completed`: nobody is left to be sent to. `archived`: deleted, and kept on record. A broadcast with several
 * runs shows the latest; one that recurs is `scheduled` in between, or `paused`.
 */
export type BroadcastStatus =
  'draft' | 'scheduled' | 'sending' | 'paused' | 'cancelled' | 'completed' | 'archived';

/** A broadcast as callers see it. */
export interface SavedBroadcast {
  readonly key: string;
  readonly name: string;
  readonly state: BroadcastStatus;
  /** The document as it was written. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Name of the latest launch, and when it was; null before the first. */
  readonly run: string | null;
  readonly launched_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** The run of a broadcast that is sent once. */
export const onceRun = 'once';

/**
 * Saves a broadcast under its key, as a draft; one that recurs goes by its schedule from now on. What is launched is launched as it was: a broadcast that is sent once cannot be
 * changed after that, one that recurs is changed for the runs to come.
 *
 * Errors: those of `parseBroadcast`; `broadcast_launched`, `broadcast_archived`.
 */
export async function saveBroadcast(
  pool: Pool,
  workspaceId: string,
  input: unknown,
  { channels, email = noSettings }: SaveOptions = {},
): Promise<SavedBroadcast> {
  return inWorkspace(pool, workspaceId, async (client) => {
    // What it names cannot be deleted between this look and the end of the save.
    if (segmentsIn(input).length > 0) await holdSegments(client, workspaceId);
    const saved = await savedSegments(client, workspaceId, input);
    const { key, name, source, schedule } = parseBroadcast(input, {
      ...(channels === undefined ? {} : { channels }),
      ...(await namesIn(client, workspaceId, email)),
      savedSegments: saved,
    });
    const document = JSON.stringify(source);
    await client.query(addUnlessThere, [workspaceId, key, name, document]);
    const { rows } = await client.query<{ same: boolean; archived: boolean }>(lockForChange, [
      workspaceId,
      key,
      document,
    ]);
    if (rows[0]?.archived === true) refuse('broadcast_archived', { key });
    if (rows[0]?.same === false) {
      await refuseLaunched(client, workspaceId, key);
      await client.query(change, [workspaceId, key, name, document]);
    }
    const plan = schedule.kind === 'recurring' ? { type: 'schedule', ...own(source['schedule']) } : null;
    await keepSchedule(client, scheduleName(workspaceId, key), plan);
    return readOne(client, workspaceId, key);
  });
}

function own(schedule: unknown): object {
  return isObject(schedule) ? schedule : {};
}

/** What the schedule of a broadcast that recurs goes by. */
export function scheduleName(workspace: string, key: string): ScheduleName {
  return { workspace, kind: 'broadcast', key };
}

/** Errors: `broadcast_launched` where it is sent once and was. */
export async function refuseLaunched(client: Client, workspaceId: string, key: string): Promise<void> {
  const { rows } = await client.query<{ state: string; launched_at: Date }>(readRun, [
    workspaceId,
    key,
    onceRun,
  ]);
  const [run] = rows;
  if (run !== undefined)
    refuse('broadcast_launched', { key, at: run.launched_at.toISOString(), state: run.state });
}

/** Errors: `broadcast_not_found`. */
export async function getBroadcast(pool: Pool, workspaceId: string, key: string): Promise<SavedBroadcast> {
  return inWorkspace(pool, workspaceId, (client) => readOne(client, workspaceId, key));
}

export async function readOne(client: Client, workspaceId: string, key: string): Promise<SavedBroadcast> {
  const { rows } = await client.query<SavedBroadcast>(readBroadcast, [workspaceId, key]);
  return rows[0] ?? refuse('broadcast_not_found', { key });
}

/** Every broadcast of the workspace, the latest first. */
export async function listBroadcasts(pool: Pool, workspaceId: string): Promise<SavedBroadcast[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<SavedBroadcast>(readAll, [workspaceId]),
  );
  return rows;
}

/** The definition, for a launch to come, with the workspace's frequency caps beside its own. Errors: `broadcast_not_found`. */
export async function readDefinition(
  client: Client,
  workspaceId: string,
  key: string,
): Promise<{ definition: BroadcastDefinition; archived: boolean }> {
  const { rows } = await client.query<{ definition: unknown; archived: boolean }>(readDocument, [
    workspaceId,
    key,
  ]);
  const { definition, archived } = rows[0] ?? refuse('broadcast_not_found', { key });
  const saved = await savedSegments(client, workspaceId, definition);
  // Its names were checked when it was saved; whether its channel runs here only a worker knows.
  const parsed = parseBroadcast(definition, { channels: null, savedSegments: saved });
  const ofWorkspace = asFrequencyCaps(await readWorkspaceCaps(client, workspaceId));
  return {
    definition: { ...parsed, frequencyCaps: [...parsed.frequencyCaps, ...ofWorkspace] },
    archived,
  };
}

const addUnlessThere = `
  INSERT INTO broadcasts (workspace_id, key, name, definition) VALUES ($1, $2, $3, $4::jsonb)
  ON CONFLICT (workspace_id, key) DO NOTHING`;

const lockForChange = `
  SELECT b.definition = $3::jsonb AS same, b.archived FROM broadcasts b
  WHERE b.workspace_id = $1 AND b.key = $2 FOR NO KEY UPDATE`;

const change = `
  UPDATE broadcasts SET name = $3, definition = $4::jsonb, updated_at = date_trunc('milliseconds', now())
  WHERE workspace_id = $1 AND key = $2`;

const readDocument = `SELECT b.definition, b.archived FROM broadcasts b WHERE b.workspace_id = $1 AND b.key = $2`;

const readRun = `
  SELECT r.state, r.launched_at FROM broadcast_runs r
  WHERE r.workspace_id = $1 AND r.broadcast_key = $2 AND r.run = $3`;

const columns = `
  SELECT b.key, b.name, b.definition, r.run, r.launched_at, b.created_at, b.updated_at,
    CASE
      WHEN b.archived THEN 'archived'
      WHEN s.paused THEN 'paused'
      WHEN s.key IS NOT NULL AND (r.id IS NULL OR r.state IN ('cancelled', 'completed')) THEN 'scheduled'
      WHEN r.id IS NULL THEN 'draft'
      WHEN r.state <> 'running' THEN r.state
      WHEN r.first_due_at > statement_timestamp() THEN 'scheduled'
      ELSE 'sending'
    END AS state
  FROM broadcasts b
  LEFT JOIN LATERAL (
    SELECT * FROM broadcast_runs r WHERE r.workspace_id = b.workspace_id AND r.broadcast_key = b.key AND NOT r.test
    ORDER BY r.id DESC LIMIT 1
  ) AS r ON true
  LEFT JOIN schedules s ON s.workspace_id = b.workspace_id AND s.kind = 'broadcast' AND s.key = b.key`;

const readBroadcast = `${columns} WHERE b.workspace_id = $1 AND b.key = $2`;

const readAll = `${columns} WHERE b.workspace_id = $1 ORDER BY b.created_at DESC, b.key`;
