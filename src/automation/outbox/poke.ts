import type { Client } from '../../database/pool.js';

/** A person to whom something happened. */
export interface Touched {
  readonly workspace: string;
  readonly endUser: string;
  /** Whether it may have moved the person to another zone: then every wait of theirs is reckoned anew. */
  readonly zone: boolean;
}

/**
 * Tells everybody inside a series that something happened to them: what waits and listens is due now, and what is being
 * worked on will be looked at again. Those of `entered` came in by this very transaction and know it already.
 *
 * Two statements. The first counts, and so waits for workers that are writing a move down; the second then sees the work
 * rows which they made. A worker that comes after the first sees the count. Answers how many rows are due now.
 */
export async function poke(
  client: Client,
  touched: readonly Touched[],
  entered: readonly string[],
): Promise<number> {
  if (touched.length === 0) return 0;
  const { rows: poked } = await client.query<{ workspace: string; enrollment: string; zone: boolean }>(
    count,
    [
      touched.map((person) => person.workspace),
      touched.map((person) => person.endUser),
      touched.map((person) => person.zone),
      entered,
    ],
  );
  if (poked.length === 0) return 0;
  const { rowCount } = await client.query(wake, [
    poked.map((row) => row.workspace),
    poked.map((row) => row.enrollment),
    poked.map((row) => row.zone),
  ]);
  return rowCount ?? 0;
}

const count = `
  WITH touched AS (
    SELECT workspace_id, end_user_id, bool_or(zone) AS zone
    FROM unnest($1::text[], $2::uuid[], $3::boolean[]) AS touched (workspace_id, end_user_id, zone)
    GROUP BY 1, 2
  ),
  inside AS MATERIALIZED (
    SELECT e.workspace_id, e.id, touched.zone
    FROM touched
    JOIN enrollments e ON e.workspace_id = touched.workspace_id AND e.end_user_id = touched.end_user_id
    WHERE e.state = 'active' AND e.id <> ALL ($4::bigint[])
    ORDER BY e.workspace_id, e.id
    FOR NO KEY UPDATE OF e
  )
  UPDATE enrollments e SET pokes = e.pokes + 1
  FROM inside WHERE e.workspace_id = inside.workspace_id AND e.id = inside.id
  RETURNING e.workspace_id AS workspace, e.id AS enrollment, inside.zone`;

// A row that somebody holds is on its way to a worker, who reads the person after this.
const wake = `
  WITH waiting AS MATERIALIZED (
    SELECT w.workspace_id, w.id
    FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS poked (workspace_id, enrollment_id, zone)
    JOIN work w ON w.workspace_id = poked.workspace_id AND w.enrollment_id = poked.enrollment_id
    WHERE w.state = 'pending' AND (w.listening OR poked.zone) AND w.due_at > statement_timestamp()
    FOR NO KEY UPDATE OF w SKIP LOCKED
  )
  UPDATE work w SET due_at = date_trunc('milliseconds', statement_timestamp())
  FROM waiting WHERE w.workspace_id = waiting.workspace_id AND w.id = waiting.id`;
