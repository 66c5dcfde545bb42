import type { Pool } from '../../../src/database/pool.js';
import { silentLogger } from '../../../src/automation/logger.js';
import { schedulerRound } from '../../../src/automation/schedules/scheduler.js';
import type { SchedulerOptions } from '../../../src/automation/schedules/scheduler.js';
import { definitionCache } from '../../../src/automation/series/definitions.js';
import { seriesOf, workspace } from '../support.js';

export const at = (text: string): number => Date.parse(text);
export const iso = (instant: number): string => new Date(instant).toISOString();

/** A clock that stands where it is put. */
export class Clock {
  now: number;

  constructor(text: string) {
    this.now = at(text);
  }

  set(text: string): void {
    this.now = at(text);
  }
}

/** A scheduler that goes by the clock, round by round. */
export function scheduler(
  pool: Pool,
  clock: Clock,
  options: Partial<SchedulerOptions> = {},
): () => Promise<boolean> {
  return schedulerRound({
    pool,
    logger: silentLogger,
    clock: async () => clock.now,
    definitions: definitionCache(),
    lease: 60_000,
    wait: () => 0,
    ...options,
  });
}

/** Goes round with all of them at once until none finds anything to do. */
export async function settle(...schedulers: readonly (() => Promise<boolean>)[]): Promise<void> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const more = await Promise.all(schedulers.map((round) => round()));
    if (!more.includes(true)) return;
  }
  throw new Error('the schedulers never came to rest');
}

/** Gives the workspace a zone. */
export async function inZone(pool: Pool, zone: string, workspaceId = workspace): Promise<void> {
  await pool.query(
    `INSERT INTO workspaces (workspace_id, name, zone) VALUES ($1, $1, $2)
     ON CONFLICT (workspace_id) DO UPDATE SET zone = EXCLUDED.zone`,
    [workspaceId, zone],
  );
}

/** A series that recurs, and lets everybody in every time unless more says otherwise. */
export function recurring(key: string, cron: string, trigger: object = {}, more: object = {}): object {
  return seriesOf(key, ['log'], {
    trigger: { type: 'schedule', cron, ...trigger },
    entry: 'every_time',
    ...more,
  });
}

/** A series that a date starts. */
export function dated(key: string, trigger: object = {}, more: object = {}): object {
  return seriesOf(key, ['log'], {
    trigger: { type: 'date', field: 'renewal_date', at: '09:30', ...trigger },
    entry: 'every_time',
    ...more,
  });
}

export interface SomePerson {
  readonly renewal_date?: string;
  readonly signed_up_at?: string;
  readonly custom?: Readonly<Record<string, unknown>>;
}

/** Stores people, by user id, without telling anybody of them. */
export async function addPeople(pool: Pool, people: Readonly<Record<string, SomePerson>>): Promise<void> {
  for (const [userId, { renewal_date: renewal, signed_up_at: signedUp, custom = {} }] of Object.entries(
    people,
  )) {
    await pool.query(
      `INSERT INTO end_users (workspace_id, user_id, renewal_date, signed_up_at, custom_fields) VALUES ($1, $2, $3, $4, $5)`,
      [workspace, userId, renewal ?? null, signedUp ?? null, custom],
    );
  }
}

/** Who entered which series and by which instant, sorted. */
export async function entries(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(
    `SELECT concat_ws(' ', u.user_id, e.series_key, to_char(e.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS text
     FROM enrollments e JOIN end_users u ON u.workspace_id = e.workspace_id AND u.id = e.end_user_id
     ORDER BY 1`,
  );
  return rows.map(({ text }) => text);
}

/** The runs that were made, and how they ended. */
export async function runs(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(
    `SELECT concat_ws(' ', key, to_char(scheduled_for AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), state, reason, nullif(tally, '{}')::text) AS text
     FROM schedule_runs ORDER BY scheduled_for, key`,
  );
  return rows.map(({ text }) => text);
}

/** The runs that were not made, and why. */
export async function skips(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(
    `SELECT concat_ws(' ', key, to_char(first_for AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
       to_char(last_for AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), runs, reason) AS text
     FROM schedule_skips ORDER BY first_for, key`,
  );
  return rows.map(({ text }) => text);
}
