import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { knownTraits } from '../../traits/catalogue/known.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { holdSegments } from '../../audience/segments/store.js';
import { refuse } from '../../errors/index.js';
import { segmentsIn } from '../../filter/named-in.js';
import { keepSchedule, pauseSchedule } from '../schedules/keep.js';
import { missingIn, noSettings, readSettings, settingsOver } from '../channels/email/settings.js';
import type { EmailSettings } from '../channels/email/settings.js';
import { slackKeys } from '../channels/slack/webhooks.js';
import type { SeriesDefinition, Trigger } from './model.js';
import { parseSeries } from './parse.js';
import type { KnownNames } from './parse.js';

export type SeriesStatus = 'active' | 'paused' | 'archived';

/** A series as callers see it. */
export interface SavedSeries {
  readonly key: string;
  readonly name: string;
  readonly state: SeriesStatus;
  /** Grows with each saved change; people inside keep the version they entered. */
  readonly version: number;
  /** The document as it was written. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface SaveOptions {
  /** Channels that messages can go to; by default those that Muster ships with. */
  readonly channels?: readonly string[];
  /** What the installation sends e-mail with where the workspace has nothing of its own. Default: nothing. */
  readonly email?: EmailSettings | undefined;
}

/**
 * Saves a series under its key: a new one begins `active` with version 1, a changed one gets a new version, and the
 * same document again changes nothing. What was parked because an earlier version failed is taken up again.
 *
 * Errors: those of `parseSeries`, an endpoint, a segment or a channel that the workspace has not set up included;
 * `segment_not_tracked`, `series_archived`.
 */
export async function saveSeries(
  pool: Pool,
  workspaceId: string,
  input: unknown,
  options: SaveOptions = {},
): Promise<SavedSeries> {
  return inWorkspace(pool, workspaceId, async (client) => {
    // What it names cannot be deleted between this look and the end of the save.
    if (segmentsIn(input).length > 0) await holdSegments(client, workspaceId);
    const definition = await checkedSeries(client, workspaceId, input, options);
    await saveVersion(client, workspaceId, definition);
    return readOne(client, workspaceId, definition.key);
  });
}

/**
 * Reads a series as a save does, against what the workspace has. Errors: those of `parseSeries`, an endpoint, a segment or a
 * channel that the workspace has not set up included; `segment_not_tracked`.
 */
export async function checkedSeries(
  client: Client,
  workspaceId: string,
  input: unknown,
  { channels, email = noSettings }: SaveOptions,
): Promise<SeriesDefinition> {
  const known = await namesIn(client, workspaceId, email);
  const saved = await savedSegments(client, workspaceId, input);
  const definition = parseSeries(input, {
    ...(channels === undefined ? {} : { channels }),
    ...known,
    traits: await knownTraits(client, workspaceId),
    segments: [...saved.keys()],
    savedSegments: saved,
  });
  await checkTracked(client, workspaceId, definition.trigger);
  return definition;
}

/** What the workspace has, for names in a definition to be checked against. */
export async function namesIn(
  client: Client,
  workspaceId: string,
  email: EmailSettings,
): Promise<KnownNames> {
  const { rows } = await client.query<{ key: string }>(readEndpoints, [workspaceId]);
  return {
    endpoints: rows.map(({ key }) => key),
    slack: await slackKeys(client, workspaceId),
    emailLacks: missingIn(settingsOver(await readSettings(client, workspaceId), email)),
  };
}

async function checkTracked(client: Client, workspaceId: string, trigger: Trigger): Promise<void> {
  if (!('segment' in trigger)) return;
  const { segment } = trigger;
  const { rows } = await client.query<{ tracked: boolean }>(readTracked, [workspaceId, segment]);
  if (rows[0]?.tracked === false) refuse('segment_not_tracked', { segment }, { path: '/trigger/segment' });
}

const readTracked = `SELECT tracked FROM segments WHERE workspace_id = $1 AND key = $2`;

async function saveVersion(client: Client, workspaceId: string, definition: SeriesDefinition): Promise<void> {
  const { key, name, trigger, topic } = definition;
  // Taking the row first makes two saves of one key follow each other, the first one included.
  await client.query(addSeriesUnlessThere, [workspaceId, key, name, trigger.type]);
  const { rows } = await client.query<{ state: SeriesStatus; version: number; same: boolean }>(
    readForChange,
    [workspaceId, key, JSON.stringify(definition.source)],
  );
  const current = rows[0];
  if (current === undefined || current.same) return;
  if (current.state === 'archived') refuse('series_archived', { key });
  const version = current.version + 1;
  await client.query(addVersion, [workspaceId, key, version, JSON.stringify(definition.source)]);
  await client.query(setVersion, [workspaceId, key, version, name, trigger.type, nameOf(trigger), topic]);
  await client.query(takeUpParked, [workspaceId, key]);
  const plan = trigger.type === 'date' || trigger.type === 'schedule' ? definition.source['trigger'] : null;
  const paused = current.state === 'paused';
  await keepSchedule(client, { workspace: workspaceId, kind: 'series', key }, plan, { paused });
}

/** What of its kind starts the series: an event, a segment. */
function nameOf(trigger: Trigger): string | null {
  if (trigger.type === 'event') return trigger.event;
  return 'segment' in trigger ? trigger.segment : null;
}

/** Errors: `series_not_found`. */
export async function getSeries(pool: Pool, workspaceId: string, key: string): Promise<SavedSeries> {
  return inWorkspace(pool, workspaceId, (client) => readOne(client, workspaceId, key));
}

async function readOne(client: Client, workspaceId: string, key: string): Promise<SavedSeries> {
  const { rows } = await client.query<SavedSeries>(readSeries, [workspaceId, key]);
  return rows[0] ?? refuse('series_not_found', { key });
}

/** Every series of the workspace, by key. */
export async function listSeries(pool: Pool, workspaceId: string): Promise<SavedSeries[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<SavedSeries>(readAllSeries, [workspaceId]),
  );
  return rows;
}

/**
 * Stops a series: nobody enters, and what comes due is held, not dropped. Errors: `series_not_found`, `series_archived`.
 * A message that a worker had already claimed may still go out.
 */
export async function pauseSeries(pool: Pool, workspaceId: string, key: string): Promise<SavedSeries> {
  return setState(pool, workspaceId, key, 'paused');
}

/**
 * Takes up a paused series: what was held goes out now. What happened while it was paused does not start it.
 * Errors: `series_not_found`, `series_archived`.
 */
export async function resumeSeries(pool: Pool, workspaceId: string, key: string): Promise<SavedSeries> {
  return setState(pool, workspaceId, key, 'active');
}

/** Ends a series for good: nobody enters, and what comes due is cancelled. Errors: `series_not_found`. */
export async function archiveSeries(pool: Pool, workspaceId: string, key: string): Promise<SavedSeries> {
  return setState(pool, workspaceId, key, 'archived');
}

async function setState(
  pool: Pool,
  workspaceId: string,
  key: string,
  state: SeriesStatus,
): Promise<SavedSeries> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ state: SeriesStatus }>(lockSeries, [workspaceId, key]);
    const before = rows[0]?.state ?? refuse('series_not_found', { key });
    if (before === state) return readOne(client, workspaceId, key);
    if (before === 'archived') refuse('series_archived', { key });
    await client.query(changeState, [workspaceId, key, state]);
    // Held rows of an archived series come due as well, and are cancelled there.
    if (state !== 'paused') await client.query(releaseHeld, [workspaceId, key]);
    const schedule = { workspace: workspaceId, kind: 'series', key };
    if (state === 'archived') await keepSchedule(client, schedule, null);
    else await pauseSchedule(client, schedule, state === 'paused');
    return readOne(client, workspaceId, key);
  });
}

const addSeriesUnlessThere = `
  INSERT INTO series (workspace_id, key, name, trigger_type, version)
  VALUES ($1, $2, $3, $4, 0)
  ON CONFLICT (workspace_id, key) DO NOTHING`;

const readForChange = `
  SELECT s.state, s.version, coalesce(v.definition = $3::jsonb, false) AS same
  FROM series s
  LEFT JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version
  WHERE s.workspace_id = $1 AND s.key = $2
  FOR NO KEY UPDATE OF s`;

const addVersion = `
  INSERT INTO series_versions (workspace_id, series_key, version, definition)
  VALUES ($1, $2, $3, $4::jsonb)`;

const setVersion = `
  UPDATE series
  SET version = $3, name = $4, trigger_type = $5, trigger_name = $6, topic = $7, updated_at = date_trunc('milliseconds', now())
  WHERE workspace_id = $1 AND key = $2`;

const takeUpParked = `
  UPDATE outbox
  SET parked = false, attempts = 0, retry_at = date_trunc('milliseconds', now())
  WHERE workspace_id = $1 AND series_key = $2 AND parked`;

const seriesColumns = `
  SELECT s.key, s.name, s.state, s.version, v.definition, s.created_at, s.updated_at
  FROM series s
  JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version`;

const readSeries = `${seriesColumns} WHERE s.workspace_id = $1 AND s.key = $2`;

const readAllSeries = `${seriesColumns} WHERE s.workspace_id = $1 ORDER BY s.key`;

const lockSeries = `
  SELECT state FROM series WHERE workspace_id = $1 AND key = $2 FOR NO KEY UPDATE`;

const changeState = `
  UPDATE series
  SET state = $3,
    updated_at = date_trunc('milliseconds', now()),
    active_since = CASE $3 WHEN 'active' THEN date_trunc('milliseconds', now()) ELSE active_since END,
    -- A pause explains a silence; what comes after it is looked at anew.
    silent_since = NULL
  WHERE workspace_id = $1 AND key = $2`;

const releaseHeld = `
  UPDATE work SET held = false WHERE workspace_id = $1 AND series_key = $2 AND held`;

const readEndpoints = `SELECT key FROM webhook_endpoints WHERE workspace_id = $1 ORDER BY key`;
