import type { Client } from '../../database/pool.js';
import { MusterError } from '../../errors/index.js';
import type { DefinitionReader } from '../series/definitions.js';
import { wakesOf } from '../series/wakes.js';
import { inState } from '../work/in-state.js';
import type { Touched } from './touched.js';

interface Poked {
  workspace: string;
  enrollment: string;
  end_user: string;
  series: string;
  version: number;
}

/**
 * Tells everybody inside a series that something happened to them: what waits for it is due now, and what is being worked
 * on will be looked at again. Those of `entered` came in by this very transaction and know it already.
 *
 * Two statements. The first counts, and so waits for workers that are writing a move down; the second then sees the work
 * rows which they made. A worker that comes after the first sees the count. Answers how many rows are due now.
 */
export async function poke(
  client: Client,
  touched: readonly Touched[],
  entered: readonly string[],
  definitionOf: DefinitionReader,
): Promise<number> {
  if (touched.length === 0) return 0;
  const { rows: poked } = await client.query<Poked>(count, [
    touched.map((person) => person.workspace),
    touched.map((person) => person.endUser),
    entered,
  ]);
  if (poked.length === 0) return 0;
  const people = new Map(touched.map((person) => [`${person.workspace}\n${person.endUser}`, person]));
  const concerned: { row: Poked; zone: boolean }[] = [];
  for (const row of poked) {
    const person = people.get(`${row.workspace}\n${row.end_user}`);
    if (person !== undefined && (await concerns(person, row, definitionOf)))
      concerned.push({ row, zone: person.zone });
  }
  if (concerned.length === 0) return 0;
  const { rowCount } = await client.query(wake, [
    concerned.map(({ row }) => row.workspace),
    concerned.map(({ row }) => row.enrollment),
    concerned.map(({ zone }) => zone),
  ]);
  return rowCount ?? 0;
}

async function concerns(
  { fields, events, whole, zone }: Touched,
  { workspace, series, version }: Poked,
  definitionOf: DefinitionReader,
): Promise<boolean> {
  if (whole || zone) return true;
  try {
    const wakes = wakesOf(await definitionOf(workspace, series, version));
    return wakes.always || meet(wakes.fields, fields) || meet(wakes.events, events);
  } catch (error) {
    // Whoever looks next will say that it cannot be read.
    if (error instanceof MusterError) return true;
    throw error;
  }
}

function meet(asked: ReadonlySet<string>, happened: ReadonlySet<string>): boolean {
  return [...happened].some((name) => asked.has(name));
}

// Fenced lookups, for the reason given where people are read. They are held in the order of their ids, as workers take them.
const count = `
  WITH inside AS MATERIALIZED (
    SELECT e.workspace_id, e.id
    FROM unnest($1::text[], $2::uuid[]) AS touched (workspace_id, end_user_id)
    CROSS JOIN LATERAL (
      SELECT e.workspace_id, e.id FROM enrollments e
      WHERE e.workspace_id = touched.workspace_id AND e.end_user_id = touched.end_user_id
        AND e.state = 'active' AND e.id <> ALL ($3::bigint[])
      OFFSET 0
    ) AS e
    ORDER BY e.workspace_id, e.id
  ),
  held AS MATERIALIZED (
    SELECT e.workspace_id, e.id
    FROM inside
    CROSS JOIN LATERAL (
      SELECT e.workspace_id, e.id FROM enrollments e
      WHERE e.workspace_id = inside.workspace_id AND e.id = inside.id AND ${inState('e', 'active')}
      FOR NO KEY UPDATE
    ) AS e
  )
  UPDATE enrollments e SET pokes = e.pokes + 1
  FROM held WHERE e.workspace_id = held.workspace_id AND e.id = held.id AND ${inState('e', 'active')}
  RETURNING e.workspace_id AS workspace, e.id AS enrollment, e.end_user_id AS end_user, e.series_key AS series, e.version`;

// A row that somebody holds is on its way to a worker, who reads the person after this.
const wake = `
  WITH waiting AS MATERIALIZED (
    SELECT w.workspace_id, w.id
    FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS poked (workspace_id, enrollment_id, zone)
    CROSS JOIN LATERAL (
      SELECT w.workspace_id, w.id FROM work w
      WHERE w.workspace_id = poked.workspace_id AND w.enrollment_id = poked.enrollment_id
        AND ${inState('w', 'pending')} AND (w.listening OR poked.zone) AND w.due_at > statement_timestamp()
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS w
  )
  UPDATE work w SET due_at = date_trunc('milliseconds', statement_timestamp())
  FROM waiting WHERE w.workspace_id = waiting.workspace_id AND w.id = waiting.id`;
