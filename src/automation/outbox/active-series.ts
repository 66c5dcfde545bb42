import type { Client } from '../../database/pool.js';
import { nowColumn } from '../facts/person.js';

/** A series as intake sees it, in its current version. */
export interface ActiveSeries {
  readonly workspace: string;
  readonly key: string;
  readonly version: number;
  /** Name of the event, or key of the segment, that starts it; null where its trigger has none. */
  readonly name: string | null;
  /** Earlier happenings do not start it. */
  readonly activeSince: Date;
  readonly createdAt: Date;
  /** Instant of this look on the clock of Postgres, in milliseconds since 1970 (UTC). */
  readonly now: number;
}

/**
 * The series of a workspace that a kind of happening starts, those with a name only where it is one of these. Paused ones
 * take nobody in, and are named so that it is on record whom they missed.
 */
export async function startedSeries(
  client: Client,
  workspace: string,
  kind: string,
  names: readonly string[],
): Promise<(ActiveSeries & { readonly paused: boolean })[]> {
  const { rows } = await client.query<ActiveSeries & { paused: boolean }>(findStarted, [
    workspace,
    kind,
    names,
  ]);
  return rows;
}

/** One series, in whichever state it is, with that state; null where there is none. */
export async function seriesByKey(
  client: Client,
  workspace: string,
  key: string,
): Promise<(ActiveSeries & { readonly state: string }) | null> {
  const { rows } = await client.query<ActiveSeries & { state: string }>(findSeries, [workspace, key]);
  return rows[0] ?? null;
}

const columns = `s.workspace_id AS workspace, s.key, s.version, s.trigger_name AS name,
    s.active_since AS "activeSince", s.created_at AS "createdAt", ${nowColumn}`;

const findStarted = `
  SELECT ${columns}, s.state = 'paused' AS paused
  FROM series s
  WHERE s.workspace_id = $1 AND s.trigger_type = $2 AND s.state <> 'archived'
    AND (s.trigger_name IS NULL OR s.trigger_name = ANY ($3::text[]))
  ORDER BY s.key COLLATE "C"`;

const findSeries = `
  SELECT ${columns}, s.state FROM series s WHERE s.workspace_id = $1 AND s.key = $2`;
