import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { databaseClock } from '../schedules/clock.js';
import type { Clock } from '../schedules/clock.js';

/**
 * An active series that used to let people in and lets in nobody for longer than its own history explains: often a trait that is
 * no longer sent, or has another name now.
 *
 * The history is its active hours, those in which somebody entered, of the 60 days before the latest entry; the latest 500 of
 * them. A series is silent when the latest entry is more than twice as long ago as the longest gap between two active hours.
 * Fewer than 10 active hours, or all of them within 7 days, explain nothing. Time in which the series was paused does not count.
 */
export interface Silence {
  /** The latest entry. */
  readonly since: Date;
  /** The longest time without an entry before that, in seconds. */
  readonly longest_gap_seconds: number;
  readonly active_hours: number;
}

const leastHours = 10;
const leastSpan = '7 days';
const factor = 2;

/**
 * Reads whether a series is silent at `now`, in milliseconds since 1970 (UTC); null where it is not, or nothing can be said.
 * At most 500 steps along one index, however many people entered.
 */
export async function silenceOf(
  client: Client,
  workspaceId: string,
  key: string,
  now: number,
): Promise<Silence | null> {
  const { rows } = await client.query<Silence>(readSilence, [workspaceId, key, new Date(now).toISOString()]);
  return rows[0] ?? null;
}

export interface SilentSeries {
  readonly key: string;
  /** The latest entry. */
  readonly since: Date;
}

/** The silent series of a workspace by key, as the reconciler noted them up to ten minutes ago. */
export async function listSilentSeries(pool: Pool, workspaceId: string): Promise<SilentSeries[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<SilentSeries>(listSilent, [workspaceId]),
  );
  return rows;
}

/** Series looked at in one round, and the milliseconds between two looks at one. */
const mostLooked = 20;
const lookEvery = 10 * 60_000;

interface Found {
  readonly workspace: string;
  readonly series: string;
}

/**
 * Looks at the active series whose last look is longest ago, and notes which of them are silent. Answers those that fell silent
 * since the look before.
 */
export async function noteSilence(pool: Pool, clock: Clock = databaseClock): Promise<Found[]> {
  const { rows: due } = await pool.query<Found>(takeDue, [mostLooked, lookEvery]);
  const fallen: Found[] = [];
  for (const { workspace, series } of due) {
    await inWorkspace(pool, workspace, async (client) => {
      const silence = await silenceOf(client, workspace, series, await clock(client));
      const since = silence?.since.toISOString() ?? null;
      const { rows } = await client.query<{ fell: boolean }>(note, [workspace, series, since]);
      if (rows[0]?.fell === true) fallen.push({ workspace, series });
    });
  }
  return fallen;
}

// Reads across workspaces for who is due, by an index of that. Two rounds at once take different series.
const takeDue = `
  UPDATE series s SET silence_looked_at = date_trunc('milliseconds', statement_timestamp())
  FROM (
    SELECT workspace_id, key FROM series
    WHERE state = 'active'
      AND (silence_looked_at IS NULL OR silence_looked_at < statement_timestamp() - $2 * interval '1 millisecond')
    ORDER BY silence_looked_at NULLS FIRST LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
  ) AS due
  WHERE s.workspace_id = due.workspace_id AND s.key = due.key
  RETURNING s.workspace_id AS workspace, s.key AS series`;

const note = `
  UPDATE series s SET silent_since = $3::timestamptz
  FROM (SELECT silent_since FROM series WHERE workspace_id = $1 AND key = $2 FOR NO KEY UPDATE) AS before
  WHERE s.workspace_id = $1 AND s.key = $2 AND s.silent_since IS DISTINCT FROM $3::timestamptz
  RETURNING before.silent_since IS NULL AS fell`;

const listSilent = `
  SELECT key, silent_since AS since FROM series
  WHERE workspace_id = $1 AND state = 'active' AND silent_since IS NOT NULL ORDER BY key`;

// Hops from the latest entry of an hour to that of the active hour before it, each by one look into the index.
const readSilence = `
  WITH RECURSIVE hours (at, latest, n) AS (
    (SELECT e.entered_at, e.entered_at, 1 FROM enrollments e
     WHERE e.workspace_id = $1 AND e.series_key = $2 AND e.entered_at <= $3::timestamptz ORDER BY e.entered_at DESC LIMIT 1)
    UNION ALL
    SELECT earlier.entered_at, hours.latest, hours.n + 1
    FROM hours CROSS JOIN LATERAL (
      SELECT e.entered_at FROM enrollments e
      WHERE e.workspace_id = $1 AND e.series_key = $2
        AND e.entered_at < date_bin('1 hour', hours.at, timestamptz '2000-01-01 00:00:00+00')
      ORDER BY e.entered_at DESC LIMIT 1
    ) AS earlier
    WHERE hours.n < 500 AND earlier.entered_at > hours.latest - interval '60 days'
  ),
  history AS (
    SELECT max(at) AS latest, min(at) AS first, count(*)::integer AS hours, max(gap) AS longest
    FROM (SELECT at, at - lead(at) OVER (ORDER BY at DESC) AS gap FROM hours) AS gaps
  )
  SELECT h.latest AS since, extract(epoch FROM h.longest)::double precision AS longest_gap_seconds, h.hours AS active_hours
  FROM history h JOIN series s ON s.workspace_id = $1 AND s.key = $2
  WHERE s.state = 'active' AND h.hours >= ${leastHours} AND h.latest - h.first >= interval '${leastSpan}'
    AND $3::timestamptz - greatest(h.latest, s.active_since) > ${factor} * h.longest`;

/** What to say of a silent series. */
export function silenceWords({ since, longest_gap_seconds: gap, active_hours: hours }: Silence): string {
  const last = since.toISOString().slice(0, 16).replace('T', ' ');
  return `nobody has entered since ${last} UTC; over ${hours} active hours before that, the longest gap was ${spanText(gap)}`;
}

function spanText(seconds: number): string {
  const hours = Math.round(seconds / 3600);
  return hours < 48 ? `${hours} ${hours === 1 ? 'hour' : 'hours'}` : `${Math.round(hours / 24)} days`;
}
