import type { Pool } from '../../database/pool.js';
import type { WorkJob } from './job.js';

export interface DueJob extends WorkJob {
  /** Milliseconds until it is due, on the clock of Postgres. */
  readonly delay: number;
}

export interface TakeDue {
  readonly horizon: number;
  readonly limit: number;
  readonly after: string;
  /** Steps of series, or chunks of broadcasts. Default `step`. */
  readonly kind?: Kind;
}

type Kind = 'step' | 'chunk';

/**
 * Takes work that is due within `horizon` milliseconds and marks it enqueued with the next epoch, in one committed
 * statement. Workspaces take turns: each gets an equal share of `limit`, and the answer alternates between them.
 *
 * `after` is the workspace that came last the time before; where there are more workspaces than places, the turn goes on
 * behind it. What is taken and never offered to Redis stays enqueued until a new incarnation or the sweep.
 */
export async function takeDue(
  pool: Pool,
  { horizon, limit, after, kind = 'step' }: TakeDue,
): Promise<DueJob[]> {
  const { rows: due } = await pool.query<{ workspace_id: string }>(findDueWorkspaces[kind], [horizon]);
  if (due.length === 0 || limit < 1) return [];
  const names = due.map((row) => row.workspace_id);
  const next = names.findIndex((name) => name > after);
  const turn = [...names.slice(Math.max(next, 0)), ...names.slice(0, Math.max(next, 0))].slice(0, limit);
  const share = Math.max(1, Math.floor(limit / turn.length));
  const { rows } = await pool.query<DueRow>(enqueueDue[kind], [turn, share, horizon]);
  return inTurn(rows);
}

interface DueRow {
  workspace: string;
  work: string;
  epoch: number;
  delay: number;
}

/** First of each workspace, second of each workspace, and so on. */
function inTurn(rows: readonly DueRow[]): DueJob[] {
  const seen = new Map<string, number>();
  return rows
    .map((row) => {
      const place = seen.get(row.workspace) ?? 0;
      seen.set(row.workspace, place + 1);
      return { row, place };
    })
    .toSorted((a, b) => a.place - b.place)
    .map(({ row }) => row);
}

// Hops from workspace to workspace over the partial index: its cost grows with the workspaces that wait for something,
// not with the rows that wait. A DISTINCT would read every pending row at every poll.
const dueWorkspaces = (kind: Kind): string => `
  WITH RECURSIVE tenant (workspace_id) AS (
    (SELECT workspace_id FROM work WHERE state = 'pending' AND NOT held AND kind = '${kind}' ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (
      SELECT w.workspace_id FROM work w
      WHERE w.state = 'pending' AND NOT w.held AND w.kind = '${kind}' AND w.workspace_id > tenant.workspace_id
      ORDER BY w.workspace_id LIMIT 1
    )
    FROM tenant WHERE tenant.workspace_id IS NOT NULL
  )
  SELECT workspace_id FROM tenant
  WHERE EXISTS (
    SELECT FROM work w
    WHERE w.workspace_id = tenant.workspace_id AND w.state = 'pending' AND NOT w.held AND w.kind = '${kind}'
      AND w.due_at <= statement_timestamp() + $1 * interval '1 millisecond'
  )`;

// By their places in the table, because as a join a large part of it would be read. A row that somebody changed while it was
// being locked has moved, and is left to the next round.
const enqueueing = (kind: Kind): string => `
  WITH picked AS MATERIALIZED (
    SELECT due.place
    FROM unnest($1::text[]) AS tenant (workspace_id)
    CROSS JOIN LATERAL (
      SELECT w.ctid AS place FROM work w
      WHERE w.workspace_id = tenant.workspace_id AND w.state = 'pending' AND NOT w.held AND w.kind = '${kind}'
        AND w.due_at <= statement_timestamp() + $3 * interval '1 millisecond'
      ORDER BY w.due_at, w.id
      LIMIT $2
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
  ),
  taken AS (
    UPDATE work
    SET state = 'enqueued', epoch = work.epoch + 1, enqueued_at = statement_timestamp()
    WHERE work.ctid = ANY (ARRAY(SELECT place FROM picked))
    RETURNING work.workspace_id, work.id, work.epoch, work.due_at
  )
  SELECT workspace_id AS workspace, id AS work, epoch,
    greatest(0, ceil(extract(epoch FROM due_at - statement_timestamp()) * 1000))::integer AS delay
  FROM taken ORDER BY due_at, id`;

const findDueWorkspaces = { step: dueWorkspaces('step'), chunk: dueWorkspaces('chunk') } as const;
const enqueueDue = { step: enqueueing('step'), chunk: enqueueing('chunk') } as const;
