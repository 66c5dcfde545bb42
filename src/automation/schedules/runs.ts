import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { Client } from '../../database/pool.js';
import { millis } from '../facts/person.js';
import { catchUpBound } from './decide.js';
import type { ScheduleName } from './settle.js';

/** How many people, or things, became what: `entered`, `held_out`, `refused:audience`. */
export type Tally = Readonly<Record<string, number>>;

/** A run that came about, as far as it is made, held by the token. */
export interface TakenRun extends ScheduleName {
  /** Instants are in milliseconds since 1970 (UTC). */
  readonly scheduledFor: number;
  /** Up to where the run before it looked. */
  readonly lookedUntil: number;
  /** Since when the schedule is as it is, and whether it is paused; null where there is none any more. */
  readonly since: number | null;
  readonly paused: boolean | null;
  readonly cursor: string | null;
  readonly attempts: number;
  readonly token: string;
}

/** What a stretch of a run did. */
export interface Progress {
  /** Where the next stretch goes on; left out where it goes on as before. */
  readonly cursor?: string;
  readonly tally?: Tally;
  /** Set where the run is over. `forgotten`: it found nothing to do and leaves no record. */
  readonly over?: 'done' | 'forgotten' | { readonly stopped: string };
}

/** Somebody else holds the run by now. */
export class RunLost extends Error {}

/**
 * Takes a run that nobody works on, the one that was looked at longest ago; null where there is none. Runs of one schedule
 * are made one after the other.
 *
 * @param lease milliseconds that it is held without another sign of life
 */
export async function takeRun(pool: Pool, lease: number): Promise<TakenRun | null> {
  const { rows } = await pool.query<TakenRun>(takeOpen, [lease]);
  return rows[0] ?? null;
}

/**
 * Makes a stretch of a run and notes how far it is, in one transaction of its workspace: what it did and that it did it are
 * known together or not at all.
 *
 * Throws `RunLost` where somebody else holds the run.
 */
export async function makeStretch(
  pool: Pool,
  run: TakenRun,
  lease: number,
  work: (client: Client) => Promise<Progress>,
): Promise<Progress> {
  return inWorkspace(pool, run.workspace, async (client) => {
    const { rows } = await client.query<{ tally: Tally }>(holdRun, named(run));
    const before = rows[0]?.tally;
    if (before === undefined) throw new RunLost();
    const progress = await work(client);
    const tally = sumOf(before, progress.tally ?? {});
    const { over } = progress;
    if (over === 'forgotten' && Object.keys(tally).length === 0) {
      await client.query(forgetRun, named(run));
    } else {
      const stopped = typeof over === 'object' ? over.stopped : null;
      const state = over === undefined ? 'running' : stopped === null ? 'done' : 'stopped';
      const values = [state, stopped, progress.cursor ?? null, JSON.stringify(tally), lease];
      await client.query(noteProgress, [...named(run), ...values]);
    }
    return progress;
  });
}

/** Says that the run is still worked on, which a look at many people can take longer than the lease. */
export async function renewRun(pool: Pool, run: TakenRun, lease: number): Promise<void> {
  await pool.query(renew, [...named(run), lease]);
}

/** Leaves a run to whoever takes it next. */
export async function giveBackRun(pool: Pool, run: TakenRun): Promise<void> {
  await pool.query(giveBack, named(run));
}

/**
 * Notes that a run could not go on. It is tried again after `wait` milliseconds, and given up a day after it came about.
 * Answers whether it is given up.
 */
export async function noteFailure(pool: Pool, run: TakenRun, error: string, wait: number): Promise<boolean> {
  const values = [...named(run), error, wait, catchUpBound];
  const { rows } = await pool.query<{ state: string }>(noteFailed, values);
  return rows[0]?.state === 'failed';
}

function named({ workspace, kind, key, scheduledFor, token }: TakenRun): string[] {
  return [workspace, kind, key, new Date(scheduledFor).toISOString(), token];
}

export function sumOf(one: Tally, other: Tally): Tally {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

const ownSchedule = `FROM schedules s WHERE s.workspace_id = r.workspace_id AND s.kind = r.kind AND s.key = r.key`;

const takeOpen = `
  WITH open AS MATERIALIZED (
    SELECT r.workspace_id, r.kind, r.key, r.scheduled_for FROM schedule_runs r
    WHERE r.state = 'running' AND r.retry_at <= statement_timestamp()
      AND (r.lease_until IS NULL OR r.lease_until < statement_timestamp())
      AND NOT EXISTS (
        SELECT FROM schedule_runs earlier
        WHERE earlier.workspace_id = r.workspace_id AND earlier.kind = r.kind AND earlier.key = r.key
          AND earlier.state = 'running' AND earlier.scheduled_for < r.scheduled_for
      )
    ORDER BY r.retry_at
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
  )
  UPDATE schedule_runs r
  SET token = gen_random_uuid(), lease_until = statement_timestamp() + $1 * interval '1 millisecond'
  FROM open
  WHERE r.workspace_id = open.workspace_id AND r.kind = open.kind AND r.key = open.key AND r.scheduled_for = open.scheduled_for
  RETURNING r.workspace_id AS workspace, r.kind, r.key, ${millis('r.scheduled_for')} AS "scheduledFor",
    ${millis('r.looked_until')} AS "lookedUntil", r.cursor, r.attempts, r.token,
    (SELECT ${millis('s.since')} ${ownSchedule}) AS since, (SELECT s.paused ${ownSchedule}) AS paused`;

const mine = `workspace_id = $1 AND kind = $2 AND key = $3 AND scheduled_for = $4::timestamptz AND token = $5::uuid
    AND state = 'running'`;

const holdRun = `SELECT tally FROM schedule_runs WHERE ${mine} FOR NO KEY UPDATE`;

const noteProgress = `
  UPDATE schedule_runs
  SET state = $6, reason = $7, cursor = coalesce($8::uuid, cursor), tally = $9::jsonb, attempts = 0, last_error = NULL,
    token = CASE WHEN $6 = 'running' THEN token END,
    lease_until = CASE WHEN $6 = 'running' THEN statement_timestamp() + $10 * interval '1 millisecond' END,
    finished_at = CASE WHEN $6 <> 'running' THEN date_trunc('milliseconds', statement_timestamp()) END
  WHERE ${mine}`;

const forgetRun = `DELETE FROM schedule_runs WHERE ${mine}`;

const renew = `
  UPDATE schedule_runs SET lease_until = statement_timestamp() + $6 * interval '1 millisecond' WHERE ${mine}`;

const giveBack = `
  UPDATE schedule_runs
  SET token = NULL, lease_until = NULL, retry_at = date_trunc('milliseconds', statement_timestamp())
  WHERE ${mine}`;

const isOld = `started_at < statement_timestamp() - $8::double precision * interval '1 millisecond'`;

const noteFailed = `
  UPDATE schedule_runs
  SET attempts = attempts + 1, last_error = $6, token = NULL, lease_until = NULL,
    retry_at = date_trunc('milliseconds', statement_timestamp() + $7::double precision * interval '1 millisecond'),
    state = CASE WHEN ${isOld} THEN 'failed' ELSE state END,
    finished_at = CASE WHEN ${isOld} THEN date_trunc('milliseconds', statement_timestamp()) END
  WHERE ${mine}
  RETURNING state`;
