import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { nextScheduled } from '../series/triggers.js';
import { databaseClock } from './clock.js';
import type { SkipReason } from './decide.js';
import { planFault, planOf } from './plan.js';
import type { Tally } from './runs.js';

/** What became of the people whom a run brought to the entrance. */
export interface RunPeople {
  readonly entered: number;
  readonly held_out: number;
  /** By reason. */
  readonly turned_away: Readonly<Record<string, number>>;
  /** With whom it failed; they are tried again. */
  readonly put_aside: number;
}

/** One run, as far as it is made. */
export interface ListedRun {
  readonly scheduled_for: Date;
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  /** Why it was stopped: `paused`, `archived`, `changed`, or the code with which a launch was refused. */
  readonly reason: string | null;
  readonly people: RunPeople;
  /** Of a broadcast: whom its audience matched, and how many of them are sent to. Null of a series. */
  readonly launched: { readonly matched: number; readonly to_send: number } | null;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  /** Of a run that could not go on: why, and when it is tried again. */
  readonly last_error: string | null;
  readonly retry_at: Date | null;
}

/** Runs that followed each other and were not made. */
export interface ListedSkip {
  readonly first_for: Date;
  readonly last_for: Date;
  readonly runs: number;
  readonly reason: SkipReason;
  readonly decided_at: Date;
}

/** What comes about by the clock, as callers see it. */
export interface ListedSchedule {
  /** What it starts, and its key. */
  readonly kind: string;
  readonly key: string;
  readonly state: 'active' | 'paused';
  /** As it was written. */
  readonly plan: Readonly<Record<string, unknown>>;
  /** Why nothing comes about: the plan cannot be read; null where it can. */
  readonly fault: string | null;
  /** The next runs of a schedule; none of a date, which has one for each person. */
  readonly next_runs: readonly Date[];
  /** When it is looked at next; null where it never comes about again. */
  readonly next_at: Date | null;
  /** The last ones first. A date has one for each look that found somebody. */
  readonly runs: readonly ListedRun[];
  readonly skipped: readonly ListedSkip[];
}

export interface ListSchedules {
  /** Runs, and skipped ones, of each schedule, 0 to 100; default 5. Coming ones as well. */
  readonly runs?: number | undefined;
}

/** Everything of a workspace that comes about by the clock, by kind and key, with what its last runs did. */
export async function listSchedules(
  pool: Pool,
  workspaceId: string,
  { runs: wanted = 5 }: ListSchedules = {},
): Promise<ListedSchedule[]> {
  const most = Math.min(Math.max(0, Math.trunc(wanted)), 100);
  return inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const now = await databaseClock(client);
      const { rows } = await client.query<ScheduleRow>(readSchedules, [workspaceId]);
      const runs = await lastOf<Omit<ListedRun, 'people' | 'launched'> & { tally: Tally }>(
        client,
        readRuns,
        workspaceId,
        most,
      );
      const skips = await lastOf<ListedSkip>(client, readSkips, workspaceId, most);
      return rows.map(({ zone, paused, ...row }) => {
        const name = nameOf(row);
        return {
          ...row,
          state: paused ? 'paused' : 'active',
          fault: planFault(row.plan),
          next_runs: comingRuns(row.plan, now, zone, most),
          runs: (runs.get(name) ?? []).map(({ kind: _kind, key: _key, tally, ...run }) => {
            return { ...run, people: peopleOf(tally), launched: launchedOf(tally) };
          }),
          skipped: (skips.get(name) ?? []).map(({ kind: _kind, key: _key, ...skip }) => skip),
        };
      });
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

interface ScheduleRow {
  kind: string;
  key: string;
  plan: Readonly<Record<string, unknown>>;
  paused: boolean;
  next_at: Date | null;
  zone: string;
}

/** The next runs, whoever makes them. */
function comingRuns(document: unknown, now: number, zone: string, most: number): Date[] {
  if (planFault(document) !== null) return [];
  const plan = planOf(document);
  if (plan.type === 'date') return [];
  const found: Date[] = [];
  let at = nextScheduled(plan, now, zone);
  while (at !== null && found.length < most) {
    found.push(new Date(at));
    at = nextScheduled(plan, at, zone);
  }
  return found;
}

const refused = 'refused:';

function peopleOf(tally: Tally): RunPeople {
  const turnedAway = Object.entries(tally)
    .filter(([name]) => name.startsWith(refused))
    .map(([name, count]) => [name.slice(refused.length), count] as const);
  return {
    entered: tally['entered'] ?? 0,
    held_out: tally['held_out'] ?? 0,
    turned_away: Object.fromEntries(turnedAway),
    put_aside: tally['put_aside'] ?? 0,
  };
}

function launchedOf({ matched, to_send }: Tally): ListedRun['launched'] {
  return matched === undefined || to_send === undefined ? null : { matched, to_send };
}

interface Named {
  readonly kind: string;
  readonly key: string;
}

const nameOf = ({ kind, key }: Named): string => `${kind}\n${key}`;

/** The rows of a statement, by the name of their schedule. */
async function lastOf<T>(
  client: Client,
  statement: string,
  workspaceId: string,
  most: number,
): Promise<Map<string, (T & Named)[]>> {
  const { rows } = await client.query<T & Named>(statement, [workspaceId, most]);
  const found = new Map<string, (T & Named)[]>();
  for (const row of rows) {
    const list = found.get(nameOf(row));
    if (list === undefined) found.set(nameOf(row), [row]);
    else list.push(row);
  }
  return found;
}

const readSchedules = `
  SELECT s.kind, s.key, s.plan, s.paused, s.next_at, coalesce(w.zone, 'UTC') AS zone
  FROM schedules s LEFT JOIN workspaces w ON w.workspace_id = s.workspace_id
  WHERE s.workspace_id = $1 ORDER BY s.kind, s.key`;

const readRuns = `
  SELECT s.kind, s.key, r.*
  FROM schedules s CROSS JOIN LATERAL (
    SELECT r.scheduled_for, r.state, r.reason, r.tally, r.started_at, r.finished_at, r.last_error,
      CASE WHEN r.state = 'running' AND r.last_error IS NOT NULL THEN r.retry_at END AS retry_at
    FROM schedule_runs r WHERE r.workspace_id = s.workspace_id AND r.kind = s.kind AND r.key = s.key
    ORDER BY r.scheduled_for DESC LIMIT $2
  ) AS r
  WHERE s.workspace_id = $1 ORDER BY r.scheduled_for DESC`;

const readSkips = `
  SELECT s.kind, s.key, k.*
  FROM schedules s CROSS JOIN LATERAL (
    SELECT k.first_for, k.last_for, k.runs, k.reason, k.decided_at
    FROM schedule_skips k WHERE k.workspace_id = s.workspace_id AND k.kind = s.kind AND k.key = s.key
    ORDER BY k.first_for DESC LIMIT $2
  ) AS k
  WHERE s.workspace_id = $1 ORDER BY k.first_for DESC`;
