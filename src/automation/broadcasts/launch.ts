import { overAudience } from '../../audience/people.js';
import type { SnapshotOptions } from '../../audience/people.js';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, problem, refuse } from '../../errors/index.js';
import { breakdownOf, countColumns } from './breakdown.js';
import type { Breakdown, CountRow } from './breakdown.js';
import { judgedPeople } from './judge.js';
import type { Judgement } from './judge.js';
import type { BroadcastDefinition } from './model.js';
import { sendingVerdicts } from './model.js';
import { spacingOf } from './pace.js';
import { placesOf } from './places.js';
import { settingsOf } from './settings.js';
import { onceRun, readDefinition, refuseLaunched } from './store.js';
import { isOver } from './times.js';
import { conditionsOf, variablesOf } from './variables.js';
import type { Variable } from './variables.js';

export interface LaunchBroadcast {
  /**
   * Names this launch of a broadcast that is launched many times, such as the time it is for. Asking again with the same name
   * answers the launch that there was. Left out, the broadcast is sent once, and a second launch is refused.
   */
  readonly run?: string | undefined;
  /** Milliseconds since 1970 (UTC) that stand for now; the clock of Postgres when left out. */
  readonly now?: number | undefined;
  /** Milliseconds that the freeze may take; default 600,000. */
  readonly timeoutMs?: number | undefined;
}

/** Recipients of one chunk: a job, a claim and an end for all of them. */
const chunkSize = 500;

/**
 * Attempts that fail one after the other, without one that succeeds, until the broadcast pauses itself; in a small one,
 * three for each person.
 */
const breakerAttempts = 20;

export interface Launched {
  readonly key: string;
  readonly run: string;
  /** Whether an earlier call with the same run made this launch. */
  readonly again: boolean;
  readonly launched_at: Date;
  readonly breakdown: Breakdown;
}

/**
 * Freezes the audience, in one statement, and hands it to the workers: who matches from now on is not sent to, and who
 * changes is skipped with a reason. All of it or none is committed.
 *
 * Errors: `broadcast_not_found`, `broadcast_archived`, `broadcast_recurs`, `broadcast_bad_run`, `broadcast_launched`, `broadcast_time_over`,
 * `broadcast_empty_audience`, `broadcast_nobody_to_send`, `broadcast_variable_missing`, `broadcast_zone_values`,
 * `audience_timeout`.
 */
export async function launchBroadcast(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run, now, timeoutMs = 600_000 }: LaunchBroadcast = {},
): Promise<Launched> {
  if (run !== undefined && !/^[A-Za-z0-9._:+-]{1,100}$/.test(run)) refuse('broadcast_bad_run', { run });
  return inWorkspace(pool, workspaceId, async (client) => {
    // Two launches of one broadcast follow each other; the second finds what the first one did.
    await client.query(lockBroadcast, [workspaceId, key]);
    const { definition, archived } = await readDefinition(client, workspaceId, key);
    const name = run ?? onceRun;
    const { rows: earlier } = await client.query<Omit<Launched, 'again'>>(readLaunched, [
      workspaceId,
      key,
      name,
    ]);
    if (run === undefined) await refuseLaunched(client, workspaceId, key);
    if (earlier[0] !== undefined) return { ...earlier[0], again: true };
    if (archived) refuse('broadcast_archived', { key });
    if (run === undefined && definition.schedule.kind === 'recurring') refuse('broadcast_recurs', { key });

    const settings = await settingsOf(client, workspaceId, now);
    const { schedule } = definition;
    if (isOver(schedule, settings.zone, settings.now)) refuseTime(definition);
    const snapshot = { workspaceId, moment: { now: settings.now, zone: settings.zone }, timeoutMs };
    const places = await placesOf(client, snapshot, definition, settings);
    const id = await addRun(client, workspaceId, definition, name);
    const variables = variablesOf(definition);
    const conditions = conditionsOf(variables);
    const judgement = { definition, places, variables: conditions.map(({ filter }) => filter) };
    const rows = await freeze(client, snapshot, judgement, id);
    const fields = conditions.map(({ field }) => field);
    const breakdown = breakdownOf(definition, fields, rows);
    refuseUnsendable(definition, breakdown, missingOf(variables, fields, rows));
    await addChunks(client, workspaceId, id, definition, rows);
    const { rows: launched } = await client.query<{ launched_at: Date }>(noteBreakdown, [
      workspaceId,
      id,
      JSON.stringify(breakdown),
      breakdown.matched,
      breakdown.first_due_at,
      breakdown.last_due_at,
      Math.min(breakerAttempts, 3 * breakdown.to_send),
    ]);
    const at = launched[0]?.launched_at ?? new Date(settings.now);
    return { key, run: name, again: false, launched_at: at, breakdown };
  });
}

/** A row of the freeze: a count for each time at which people are due. */
interface FrozenRow extends CountRow {
  readonly due_at: Date | null;
}

async function addRun(
  client: Client,
  workspaceId: string,
  { key, source }: BroadcastDefinition,
  run: string,
): Promise<string> {
  const values = [workspaceId, key, run, JSON.stringify(source)];
  const { rows } = await client.query<{ id: string }>(insertRun, values);
  return rows[0]?.id ?? refuse('broadcast_not_found', { key });
}

/** The one statement: everybody is judged, written down and counted. Numbers follow the order in which people are due. */
async function freeze(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
  run: string,
): Promise<FrozenRow[]> {
  const sends = sendingVerdicts.map((verdict) => `'${verdict}'`).join(', ');
  return overAudience<FrozenRow>(
    client,
    snapshot,
    judgement.definition.audience,
    (parts) => `
      WITH judged AS MATERIALIZED (${judgedPeople(parts, judgement)}),
      frozen AS (
        INSERT INTO broadcast_recipients
          (workspace_id, run_id, number, end_user_id, verdict, variant, state, reason, due_at)
        SELECT ${parts.workspace}, ${parts.bind(run)}::bigint, row_number() OVER (ORDER BY due_at), id, verdict, variant,
          CASE WHEN verdict IN (${sends}) THEN 'pending' ELSE 'skipped' END,
          CASE WHEN verdict NOT IN (${sends}) THEN verdict END, due_at
        FROM judged
      )
      SELECT due_at, ${countColumns(judgement.variables.length)} FROM judged GROUP BY due_at, verdict, variant
      ORDER BY due_at`,
  );
}

/**
 * Cuts those who are sent to into chunks, each of people who are due at the same time. Under a rate limit they come due one
 * after the other, so that few of them wait for their turn at once.
 */
async function addChunks(
  client: Client,
  workspaceId: string,
  run: string,
  { rateLimit }: BroadcastDefinition,
  rows: readonly FrozenRow[],
): Promise<void> {
  const groups: { first: number; last: number; dueAt: string }[] = [];
  let last = 0;
  for (const { due_at: due, count } of rows) {
    if (due === null) continue;
    const dueAt = due.toISOString();
    const group = groups.at(-1);
    last += count;
    if (group?.dueAt === dueAt) group.last = last;
    else groups.push({ first: last - count + 1, last, dueAt });
  }
  await client.query(insertChunks, [
    workspaceId,
    run,
    groups.map(({ first }) => first),
    groups.map((group) => group.last),
    groups.map(({ dueAt }) => dueAt),
    chunkSize,
    rateLimit === null ? 0 : spacingOf(rateLimit),
  ]);
}

/** The variables that nobody has of those who would read them. */
function missingOf(
  variables: readonly Variable[],
  fields: readonly string[],
  rows: readonly CountRow[],
): { variable: Variable; count: number }[] {
  return variables.flatMap((variable) => {
    const readers = rows.filter(
      ({ verdict, variant }) => sendingVerdicts.includes(verdict) && variant === variable.variant,
    );
    const index = fields.indexOf(variable.field);
    const count = readers.reduce((total, row) => total + row.count, 0);
    const having = readers.reduce((total, row) => total + (row.having[index] ?? 0), 0);
    return count > 0 && having === 0 ? [{ variable, count }] : [];
  });
}

function refuseTime({ key, schedule }: BroadcastDefinition): never {
  const at =
    schedule.kind === 'at'
      ? new Date(schedule.at).toISOString()
      : schedule.kind === 'local'
        ? `${new Date(schedule.date + schedule.time * 60_000).toISOString().slice(0, 16)} on the clock of the ${schedule.zone}`
        : 'now';
  return refuse('broadcast_time_over', { key, at }, { path: '/schedule' });
}

/** Refuses a launch that would reach nobody, or that would tell everybody about a gap. */
function refuseUnsendable(
  { key }: BroadcastDefinition,
  breakdown: Breakdown,
  missing: readonly { variable: Variable; count: number }[],
): void {
  const { matched, to_send: toSend } = breakdown;
  const details = { details: { breakdown } };
  if (matched === 0) refuse('broadcast_empty_audience', { key }, { path: '/audience', ...details });
  if (toSend === 0) {
    const why = (['suppressed', 'unreachable', 'capped', 'passed'] as const)
      .filter((verdict) => breakdown[verdict] > 0)
      .map((verdict) => `${breakdown[verdict]} ${verdict}`)
      .join(', ');
    refuse('broadcast_nobody_to_send', { key, matched, why }, { path: '/audience', ...details });
  }
  if (missing.length === 0) return;
  throw new MusterError(
    missing.map(({ variable: { field, path }, count }) =>
      problem('broadcast_variable_missing', { field, count }, { path }),
    ),
    details,
  );
}

const lockBroadcast = `SELECT FROM broadcasts b WHERE b.workspace_id = $1 AND b.key = $2 FOR NO KEY UPDATE`;

const readLaunched = `
  SELECT r.broadcast_key AS key, r.run, r.launched_at, r.breakdown FROM broadcast_runs r
  WHERE r.workspace_id = $1 AND r.broadcast_key = $2 AND r.run = $3`;

const insertRun = `
  INSERT INTO broadcast_runs (workspace_id, broadcast_key, run, definition) VALUES ($1, $2, $3, $4::jsonb) RETURNING id`;

const insertChunks = `
  INSERT INTO work (workspace_id, kind, run_id, first_number, last_number, due_at)
  SELECT $1, 'chunk', $2::bigint, start, least(start + $6::integer - 1, grouped.last),
    grouped.due_at + (start - grouped.first) * $7::double precision * interval '1 millisecond'
  FROM unnest($3::integer[], $4::integer[], $5::timestamptz[]) AS grouped (first, last, due_at)
  CROSS JOIN LATERAL generate_series(grouped.first, grouped.last, $6::integer) AS start`;

const noteBreakdown = `
  UPDATE broadcast_runs SET breakdown = $3::jsonb, recipients = $4, first_due_at = $5, last_due_at = $6, breaker = $7
  WHERE workspace_id = $1 AND id = $2
  RETURNING launched_at`;
