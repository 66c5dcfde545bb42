import { segmentsByZone } from '../../audience/segments/follow-zone.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, refuse } from '../../errors/index.js';
import { databaseClock } from '../schedules/clock.js';
import { planFault, planOf } from '../schedules/plan.js';
import { nextScheduled } from '../series/triggers.js';
import { changedSettings } from './check.js';
import { readWorkspace } from './settings.js';

/** What another zone of a workspace moves, before it is set. */
export interface ZoneDiff {
  readonly from: string;
  readonly to: string;
  /** People inside series, who are looked at again: a wait that keeps the wall clock moves. */
  readonly waiting: number;
  /** What comes about at another time. Both times are null for a date trigger, where each person's own day decides. */
  readonly schedules: readonly MovedSchedule[];
  /** Tracked segments that compare times: their people are gone through anew. */
  readonly segments: readonly string[];
}

export interface MovedSchedule {
  readonly kind: string;
  readonly key: string;
  readonly next_at: Date | null;
  readonly next_at_then: Date | null;
}

/** Errors: `bad_zone`, `unknown_workspace`. */
export async function diffZone(pool: Pool, workspaceId: string, zone: string): Promise<ZoneDiff> {
  return inWorkspace(
    pool,
    workspaceId,
    async (client) => {
      const before = await readWorkspace(client, workspaceId);
      const { settings, problems } = changedSettings(before, { zone });
      if (problems.length > 0) throw new MusterError(problems);
      return zoneDiff(client, workspaceId, before.zone, settings.zone);
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

export async function zoneDiff(
  client: Client,
  workspaceId: string,
  from: string,
  to: string,
): Promise<ZoneDiff> {
  if (from === to) return { from, to, waiting: 0, schedules: [], segments: [] };
  const now = await databaseClock(client);
  const { rows: inside } = await client.query<{ people: number }>(countInside, [workspaceId]);
  const { rows: schedules } = await client.query<ScheduleRow>(readSchedules, [workspaceId]);
  return {
    from,
    to,
    waiting: inside[0]?.people ?? 0,
    schedules: schedules.flatMap((row) => movedSchedule(row, now, from, to) ?? []),
    segments: (await segmentsByZone(client, workspaceId)).map(({ key }) => key),
  };
}

/** Errors: `zone_moves`, with what it moves in its details. */
export function refuseUnconfirmed(diff: ZoneDiff): void {
  const { to: zone, waiting, schedules, segments } = diff;
  if (waiting + schedules.length + segments.length === 0) return;
  const counts = { zone, waiting, schedules: schedules.length, segments: segments.length };
  refuse('zone_moves', counts, { path: '/confirm', details: { ...diff } });
}

interface ScheduleRow {
  readonly kind: string;
  readonly key: string;
  readonly plan: Readonly<Record<string, unknown>>;
}

function movedSchedule(row: ScheduleRow, now: number, from: string, to: string): MovedSchedule | null {
  if (planFault(row.plan) !== null) return null;
  const { kind, key } = row;
  const plan = planOf(row.plan);
  if (plan.type === 'date') return { kind, key, next_at: null, next_at_then: null };
  const [before, after] = [nextScheduled(plan, now, from), nextScheduled(plan, now, to)];
  if (before === after) return null;
  return { kind, key, next_at: dateOf(before), next_at_then: dateOf(after) };
}

const dateOf = (at: number | null): Date | null => (at === null ? null : new Date(at));

const countInside = `
  SELECT count(DISTINCT e.end_user_id)::integer AS people FROM enrollments e
  WHERE e.workspace_id = $1 AND e.state = 'active'`;

const readSchedules = `
  SELECT s.kind, s.key, s.plan FROM schedules s WHERE s.workspace_id = $1 AND NOT s.paused ORDER BY s.kind, s.key`;
