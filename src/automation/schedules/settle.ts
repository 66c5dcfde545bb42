import type { Client } from '../../database/pool.js';
import { millis } from '../facts/person.js';
import { decide } from './decide.js';
import type { Decided } from './decide.js';
import { planOf } from './plan.js';

/** One schedule: what it starts, by its key. */
export interface ScheduleName {
  readonly workspace: string;
  /** Kind of what it starts: `series`, `broadcast`. */
  readonly kind: string;
  readonly key: string;
}

/** A schedule as its row is, held by this transaction. */
export interface ScheduleRow extends ScheduleName {
  readonly plan: unknown;
  readonly paused: boolean;
  readonly resumedAt: number;
  readonly decidedUntil: number;
  readonly zoneBefore: string | null;
  readonly zone: string;
}

/** Takes columns of `schedules s` with its workspace's, for a SELECT that holds the row of `s`. */
export const scheduleColumns = `s.workspace_id AS workspace, s.kind, s.key, s.plan, s.paused,
    ${millis('s.resumed_at')} AS "resumedAt", ${millis('s.decided_until')} AS "decidedUntil",
    s.zone AS "zoneBefore", coalesce(w.zone, 'UTC') AS zone`;

/** What `settle` did. */
export interface Settled {
  /** Runs that came about and are made. */
  readonly runs: number;
  /** Runs that came about and are not made. */
  readonly skipped: number;
  /** Schedules with more to decide about than fits into one look. */
  readonly unfinished: number;
}

/**
 * Decides about all that came about up to `now` in schedules that this transaction holds, and writes it down: the runs to
 * be made, the runs that are not and why, and when to look again. A run that is there already stays as it is.
 *
 * Errors: a plan that this Muster refuses.
 */
export async function settle(client: Client, held: readonly ScheduleRow[], now: number): Promise<Settled> {
  const settled = held.map((row) => ({ row, found: decide(standingOf(row), now) }));
  const runs = settled.flatMap(({ row, found }) => found.runs.map((at) => ({ row, at })));
  const skips = settled.flatMap(({ row, found }) =>
    found.skips.map((skip, index) => ({ row, skip, follows: index === 0 })),
  );
  if (runs.length > 0) {
    await client.query(addRuns, [
      ...namesOf(runs.map(({ row }) => row)),
      runs.map(({ at }) => timeText(at)),
      runs.map(({ row }) => timeText(Math.min(row.decidedUntil, now))),
    ]);
  }
  if (skips.length > 0) {
    await client.query(addSkips, [
      ...namesOf(skips.map(({ row }) => row)),
      skips.map(({ skip }) => timeText(skip.first)),
      skips.map(({ skip }) => timeText(skip.last)),
      skips.map(({ skip }) => skip.runs),
      skips.map(({ skip }) => skip.reason),
      skips.map(({ follows }) => follows),
    ]);
  }
  await client.query(setDecided, [
    ...namesOf(settled.map(({ row }) => row)),
    settled.map(({ found }) => timeText(found.decidedUntil)),
    settled.map(({ found }) => (found.next === null ? null : timeText(found.next))),
    settled.map(({ row }) => row.zone),
  ]);
  return {
    runs: runs.length,
    skipped: skips.reduce((sum, { skip }) => sum + skip.runs, 0),
    unfinished: settled.filter(({ found }) => isUnfinished(found, now)).length,
  };
}

function standingOf(row: ScheduleRow): Parameters<typeof decide>[0] {
  return { ...row, plan: planOf(row.plan), zoneBefore: row.zoneBefore ?? row.zone };
}

function isUnfinished({ decidedUntil }: Decided, now: number): boolean {
  return decidedUntil < now;
}

function namesOf(rows: readonly ScheduleName[]): [string[], string[], string[]] {
  return [rows.map(({ workspace }) => workspace), rows.map(({ kind }) => kind), rows.map(({ key }) => key)];
}

const timeText = (instant: number): string => new Date(instant).toISOString();

const addRuns = `
  INSERT INTO schedule_runs (workspace_id, kind, key, scheduled_for, looked_until)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
  ON CONFLICT (workspace_id, kind, key, scheduled_for) DO NOTHING`;

// What goes on where the last skipped run ended, for the same reason and without a run in between, makes its row longer.
const addSkips = `
  WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::integer[],
      $7::text[], $8::boolean[]) AS told (workspace_id, kind, key, first_for, last_for, runs, reason, follows)
  ),
  longer AS (
    UPDATE schedule_skips k
    SET last_for = told.last_for, runs = k.runs + told.runs, decided_at = date_trunc('milliseconds', statement_timestamp())
    FROM told
    WHERE told.follows AND k.workspace_id = told.workspace_id AND k.kind = told.kind AND k.key = told.key
      AND k.reason = told.reason AND k.last_for < told.first_for
      AND k.first_for = (
        SELECT max(l.first_for) FROM schedule_skips l
        WHERE l.workspace_id = told.workspace_id AND l.kind = told.kind AND l.key = told.key
      )
      AND NOT EXISTS (
        SELECT FROM schedule_runs r
        WHERE r.workspace_id = told.workspace_id AND r.kind = told.kind AND r.key = told.key
          AND r.scheduled_for > k.last_for AND r.scheduled_for < told.first_for
      )
    RETURNING told.workspace_id, told.kind, told.key, told.first_for
  )
  INSERT INTO schedule_skips (workspace_id, kind, key, first_for, last_for, runs, reason)
  SELECT workspace_id, kind, key, first_for, last_for, runs, reason FROM told
  WHERE (workspace_id, kind, key, first_for) NOT IN (SELECT workspace_id, kind, key, first_for FROM longer)
  ON CONFLICT (workspace_id, kind, key, first_for) DO NOTHING`;

const setDecided = `
  UPDATE schedules s SET decided_until = told.decided_until, next_at = told.next_at, zone = told.zone
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])
    AS told (workspace_id, kind, key, decided_until, next_at, zone)
  WHERE s.workspace_id = told.workspace_id AND s.kind = told.kind AND s.key = told.key`;
