import { overAudience } from '../../audience/people.js';
import type { SnapshotOptions } from '../../audience/people.js';
import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { breakdownOf, countColumns } from './breakdown.js';
import type { Breakdown, CountRow } from './breakdown.js';
import { judgedPeople, sendsSql } from './judge.js';
import type { Judgement } from './judge.js';
import type { BroadcastDefinition } from './model.js';
import { sendingVerdicts } from './model.js';
import { spacingOf } from './pace.js';
import type { Places } from './places.js';
import { conditionsOf, variablesOf } from './variables.js';
import type { Variable } from './variables.js';

/** Recipients of one chunk: a job, a claim and an end for all of them. */
const chunkSize = 500;

/**
 * Attempts that fail one after the other, without one that succeeds, until the broadcast pauses itself; in a small one,
 * three for each person.
 */
const breakerAttempts = 20;

export interface RunToFreeze {
  readonly definition: BroadcastDefinition;
  readonly places: Places;
  readonly run: string;
  /** A message to one person before the launch. */
  readonly test: boolean;
}

export interface Frozen {
  readonly breakdown: Breakdown;
  /** The variables that nobody has of those who would read them. */
  readonly missing: readonly MissingVariable[];
  readonly launchedAt: Date;
  readonly deliveryBase: string;
}

export interface MissingVariable {
  readonly variable: Variable;
  /** How many would read it. */
  readonly count: number;
}

/** Writes a run down with its recipients and its chunks. The caller's transaction decides whether all of it stays. */
export async function freezeRun(
  client: Client,
  snapshot: SnapshotOptions,
  { definition, places, run, test }: RunToFreeze,
): Promise<Frozen> {
  const { workspaceId } = snapshot;
  const added = await addRun(client, workspaceId, definition, run, test);
  const variables = variablesOf(definition);
  const conditions = conditionsOf(variables);
  const judgement = { definition, places, variables: conditions.map(({ filter }) => filter) };
  const rows = await freeze(client, snapshot, judgement, added.id);
  const fields = conditions.map(({ field }) => field);
  const breakdown = breakdownOf(definition, fields, rows);
  await addChunks(client, workspaceId, added.id, definition, rows);
  await client.query(noteBreakdown, [
    workspaceId,
    added.id,
    JSON.stringify(breakdown),
    breakdown.matched,
    breakdown.first_due_at,
    breakdown.last_due_at,
    Math.min(breakerAttempts, 3 * breakdown.to_send),
  ]);
  const { launched_at: launchedAt, delivery_base: deliveryBase } = added;
  return { breakdown, missing: missingOf(variables, fields, rows), launchedAt, deliveryBase };
}

/** A row of the freeze: a count for each time at which people are due. */
interface FrozenRow extends CountRow {
  readonly due_at: Date | null;
}

interface AddedRun {
  readonly id: string;
  readonly launched_at: Date;
  readonly delivery_base: string;
}

async function addRun(
  client: Client,
  workspaceId: string,
  { key, source }: BroadcastDefinition,
  run: string,
  test: boolean,
): Promise<AddedRun> {
  const values = [workspaceId, key, run, JSON.stringify(source), test];
  const { rows } = await client.query<AddedRun>(insertRun, values);
  return rows[0] ?? refuse('broadcast_not_found', { key });
}

/** The one statement: everybody is judged, written down and counted. Numbers follow the order in which people are due. */
async function freeze(
  client: Client,
  snapshot: SnapshotOptions,
  judgement: Judgement,
  run: string,
): Promise<FrozenRow[]> {
  const sends = sendsSql;
  // Where all are due at once their numbers need no sort, which for a million people would go through the disk.
  const number =
    judgement.places.field === null
      ? `CASE WHEN ${sends} THEN count(*) FILTER (WHERE ${sends}) OVER so_far
          ELSE (SELECT count(*) FROM judged WHERE ${sends}) + count(*) FILTER (WHERE NOT ${sends}) OVER so_far END`
      : 'row_number() OVER (ORDER BY due_at)';
  const counted = judgement.variables.map((_, index) => `, has${index}`).join('');
  return overAudience<FrozenRow>(
    client,
    snapshot,
    judgement.definition.audience,
    (parts) => `
      WITH judged AS MATERIALIZED (
        SELECT id, verdict, variant, CASE WHEN ${sends} THEN due_at END AS due_at, unzoned, late${counted}
        FROM (${judgedPeople(parts, judgement)}) AS judged
      ),
      frozen AS (
        INSERT INTO broadcast_recipients
          (workspace_id, run_id, number, end_user_id, verdict, variant, state, reason, due_at)
        SELECT ${parts.workspace}, ${parts.bind(run)}::bigint, ${number}, id, verdict, variant,
          CASE WHEN ${sends} THEN 'pending' ELSE 'skipped' END, CASE WHEN NOT ${sends} THEN verdict END, due_at
        FROM judged WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
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

function missingOf(
  variables: readonly Variable[],
  fields: readonly string[],
  rows: readonly CountRow[],
): MissingVariable[] {
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

const insertRun = `
  INSERT INTO broadcast_runs (workspace_id, broadcast_key, run, definition, test) VALUES ($1, $2, $3, $4::jsonb, $5)
  RETURNING id, launched_at, delivery_base`;

const insertChunks = `
  INSERT INTO work (workspace_id, kind, run_id, first_number, last_number, due_at)
  SELECT $1, 'chunk', $2::bigint, start, least(start + $6::integer - 1, grouped.last),
    grouped.due_at + (start - grouped.first) * $7::double precision * interval '1 millisecond'
  FROM unnest($3::integer[], $4::integer[], $5::timestamptz[]) AS grouped (first, last, due_at)
  CROSS JOIN LATERAL generate_series(grouped.first, grouped.last, $6::integer) AS start`;

const noteBreakdown = `
  UPDATE broadcast_runs SET breakdown = $3::jsonb, recipients = $4, first_due_at = $5, last_due_at = $6, breaker = $7
  WHERE workspace_id = $1 AND id = $2`;
