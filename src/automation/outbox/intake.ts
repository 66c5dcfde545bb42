import { inTransaction } from '../../database/transaction.js';
import type { Client, Pool } from '../../database/pool.js';
import type { Logger } from '../logger.js';
import { definitionCache } from '../series/definitions.js';
import type { DefinitionCache } from '../series/definitions.js';
import { eachApart } from './apart.js';
import { startedSeries } from './active-series.js';
import type { ActiveSeries } from './active-series.js';
import { enter } from './enter.js';
import type { Decision, Entrance } from './enter.js';
import { nameOf, propertiesOf } from './happenings.js';
import type { OutboxRow } from './happenings.js';
import { poke } from './poke.js';
import { noteMissed } from './write-entries.js';
import { touchedBy } from './touched.js';
import { intakeTraces } from './traces.js';
import type { IntakeTraces } from './traces.js';

export interface IntakeOptions {
  /** Most rows taken at once. */
  readonly limit: number;
  /** Attempts for one series before its share of a row is parked. */
  readonly maxAttempts: number;
  /** Milliseconds to wait after the given attempt. */
  readonly wait: (attempt: number) => number;
  readonly logger: Logger;
  /** Default: a memory of its own. */
  readonly definitions?: DefinitionCache;
}

export interface TakenIn {
  /** Outbox rows that are dealt with. */
  readonly rows: number;
  /** People who entered a series. */
  readonly entered: number;
  /** Shares put aside because a series failed on them. */
  readonly failed: number;
  /** Waits that are due now because of what happened. */
  readonly woken: number;
}

/**
 * Takes what happened out of the outbox, lets people into the series that it starts and wakes what waits for it, in one
 * transaction: enrolment, first work row and the removal of the outbox row happen together or not at all.
 *
 * A series that fails on its people does not hold up the others: its share is kept in the outbox for it alone, tried
 * again later and in the end parked until the series is saved anew.
 */
export async function takeIn(pool: Pool, options: IntakeOptions): Promise<TakenIn> {
  const definitions = options.definitions ?? definitionCache();
  const traces = intakeTraces();
  return traces.around(() => takeSome(pool, options, definitions, traces));
}

async function takeSome(
  pool: Pool,
  options: IntakeOptions,
  definitions: DefinitionCache,
  traces: IntakeTraces,
): Promise<TakenIn> {
  return inTransaction(pool, async (client) => {
    const { rows: taken } = await client.query<OutboxRow>(takeHappenings, [options.limit]);
    const rows = traces.begin(taken);
    const intake: Intake = { client, options, definitions, enrollments: [], entered: 0, failed: 0 };
    for (const group of groupsOf(rows)) await takeGroup(intake, group);
    // Last, because workers wait for whom it counts.
    const woken = await poke(client, await touchedBy(client, rows), intake.enrollments, definitions(client));
    await client.query(removeHappenings, [rows.map((row) => row.workspace), rows.map((row) => row.id)]);
    return { rows: rows.length, entered: intake.entered, failed: intake.failed, woken };
  });
}

interface Intake {
  readonly client: Client;
  readonly options: IntakeOptions;
  readonly definitions: DefinitionCache;
  /** Enrolments that this intake made. */
  readonly enrollments: string[];
  entered: number;
  failed: number;
}

/** Rows of one workspace and kind, which start the same series; in one order for every intake. */
function groupsOf(rows: readonly OutboxRow[]): OutboxRow[][] {
  const groups = new Map<string, OutboxRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.workspace, row.kind]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

async function takeGroup(intake: Intake, group: readonly OutboxRow[]): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { client } = intake;
  const names = [...new Set(group.flatMap((row) => nameOf(row) ?? []))];
  const series = await startedSeries(client, first.workspace, first.kind, names);
  if (series.length === 0) return;
  const properties = await propertiesOf(client, group);
  for (const one of series) {
    const entrances = group.flatMap((row) => entrancesTo(one, row, properties));
    const isMissed = ({ at }: RowEntrance): boolean => one.paused || at < one.activeSince;
    await noteMissed(client, one, entrances.filter(isMissed), 'paused');
    await enterApart(
      intake,
      one,
      entrances.filter((entrance) => !isMissed(entrance)),
    );
  }
}

/** A series is concerned by what happened since it is there, and of the rows left for one series only by its own. */
function entrancesTo(
  series: ActiveSeries,
  row: OutboxRow,
  properties: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): RowEntrance[] {
  const { kind } = row;
  if (row.endUser === null || kind === 'user_updated' || row.at < series.createdAt) return [];
  if (row.series !== null && row.series !== series.key) return [];
  const name = nameOf(row);
  if (series.name !== null && series.name !== name) return [];
  const happening = { kind, name, properties: properties.get(row.id) ?? {} };
  return [{ endUser: row.endUser, happening, at: row.at, trace: row.trace, row }];
}

type RowEntrance = Entrance & { readonly row: OutboxRow };

async function enterApart(
  intake: Intake,
  series: ActiveSeries,
  entrances: readonly RowEntrance[],
): Promise<void> {
  const { client, definitions, options } = intake;
  await eachApart(
    client,
    entrances,
    async (some) => {
      const definition = await definitions(client)(series.workspace, series.key, series.version);
      count(intake, await enter(client, series, definition, some));
    },
    async ({ row }, error) => {
      await putAside(client, series, row, error, options);
      intake.failed += 1;
    },
  );
}

function count(intake: Intake, decisions: readonly Decision[]): void {
  for (const decision of decisions) {
    if (decision.kind !== 'entered' && decision.kind !== 'held_out') continue;
    intake.entered += 1;
    if (decision.active) intake.enrollments.push(decision.enrollment);
  }
}

async function putAside(
  client: Client,
  series: ActiveSeries,
  row: OutboxRow,
  error: string,
  options: IntakeOptions,
): Promise<void> {
  const attempts = row.attempts + 1;
  const parked = attempts >= options.maxAttempts;
  await client.query(keepForSeries, [
    row.workspace,
    row.id,
    series.key,
    attempts,
    options.wait(attempts),
    error,
    parked,
  ]);
  options.logger.error(
    { workspace: row.workspace, series: series.key, outbox: row.id, attempts, parked, error },
    'a series failed to take a person in; the others went on',
  );
}

// Hops from workspace to workspace, as the relay does, and takes a share of each.
const takeHappenings = `
  WITH RECURSIVE tenant (workspace_id) AS (
    (SELECT workspace_id FROM outbox WHERE NOT parked ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (
      SELECT o.workspace_id FROM outbox o
      WHERE NOT o.parked AND o.workspace_id > tenant.workspace_id ORDER BY o.workspace_id LIMIT 1
    )
    FROM tenant WHERE tenant.workspace_id IS NOT NULL
  ),
  waiting AS MATERIALIZED (
    SELECT workspace_id FROM tenant
    WHERE EXISTS (
      SELECT FROM outbox o
      WHERE o.workspace_id = tenant.workspace_id AND NOT o.parked AND o.retry_at <= statement_timestamp()
    )
    ORDER BY random()
    LIMIT $1
  )
  SELECT o.workspace_id AS workspace, o.id, o.kind, o.end_user_id AS "endUser", o.series_key AS series, o.attempts,
    o.payload, o.created_at AS at, o.traceparent AS trace
  FROM waiting
  CROSS JOIN LATERAL (
    SELECT * FROM outbox o
    WHERE o.workspace_id = waiting.workspace_id AND NOT o.parked AND o.retry_at <= statement_timestamp()
    ORDER BY o.retry_at, o.id
    LIMIT greatest(1, $1::integer / (SELECT count(*) FROM waiting))
    FOR UPDATE SKIP LOCKED
  ) AS o
  LIMIT $1`;

const keepForSeries = `
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload, created_at,
    series_key, attempts, retry_at, last_error, parked, traceparent)
  SELECT workspace_id, kind, end_user_id, user_id, payload, created_at,
    $3, $4, statement_timestamp() + $5 * interval '1 millisecond', $6, $7, traceparent
  FROM outbox WHERE workspace_id = $1 AND id = $2`;

const removeHappenings = `
  DELETE FROM outbox o USING unnest($1::text[], $2::bigint[]) AS taken (workspace_id, id)
  WHERE o.workspace_id = taken.workspace_id AND o.id = taken.id`;
