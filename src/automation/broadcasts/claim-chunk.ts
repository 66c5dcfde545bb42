import type { Pool } from '../../database/pool.js';
import { millis, nowColumn } from '../facts/person.js';
import { inState } from '../work/in-state.js';
import type { WorkJob } from '../work/job.js';
import type { WorkspaceCap } from '../workspace-caps.js';
import { settleCancelled } from './settle-cancelled.js';

export interface ChunkRequest extends WorkJob {
  /** A fresh uuid: who holds the claim. Asking again with the same one answers the same claim. */
  readonly token: string;
}

/** A stretch of recipients that this worker holds until its lease is over. Times are milliseconds since 1970 (UTC). */
export interface Chunk {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly run: string;
  readonly broadcast: string;
  /** A message to one person before the launch, for which no caps hold. */
  readonly test: boolean;
  readonly first: number;
  readonly last: number;
  /** How often it was claimed since it last came to an end in order; the first is 1. */
  readonly attempt: number;
  /** As it was launched. */
  readonly definition: unknown;
  readonly deliveryBase: string;
  readonly launchedAt: number;
  readonly workspaceZone: string;
  readonly zoneField: string;
  /** What the workspace allows of everything together, besides the broadcast's own caps. */
  readonly workspaceCaps: readonly WorkspaceCap[];
  /** When it was claimed, on the clock of Postgres. */
  readonly now: number;
  readonly dueAt: number;
}

/**
 * Claims an enqueued chunk for `lease` milliseconds; null where the job is a duplicate or stale, as `claimWork` does. A
 * chunk of a paused run is held instead, one of a run that is over is cancelled.
 */
export async function claimChunk(pool: Pool, job: ChunkRequest, lease: number): Promise<Chunk | null> {
  const { rows } = await pool.query<Chunk>(claimEnqueued, [
    job.workspace,
    job.work,
    job.epoch,
    job.token,
    lease,
  ]);
  return rows[0] ?? null;
}

// The run is held while it is asked about: a pause that was answered is seen.
const claimEnqueued = `
  WITH run AS MATERIALIZED (
    SELECT run.*, CASE run.state WHEN 'running' THEN 'claimed' WHEN 'paused' THEN 'pending' ELSE 'cancelled' END AS verdict
    FROM work w JOIN broadcast_runs run ON run.workspace_id = w.workspace_id AND run.id = w.run_id
    WHERE w.workspace_id = $1 AND w.id = $2::bigint
    FOR SHARE OF run
  ),
  taken AS (
    UPDATE work w
    SET state = run.verdict,
      held = run.verdict = 'pending',
      token = CASE run.verdict WHEN 'claimed' THEN $4::uuid END,
      lease_until = CASE run.verdict WHEN 'claimed' THEN statement_timestamp() + $5 * interval '1 millisecond' END,
      -- Asking again after an answer that was lost is no further attempt.
      attempts = w.attempts + CASE WHEN run.verdict = 'claimed' AND w.token IS NULL THEN 1 ELSE 0 END,
      finished_at = CASE run.verdict WHEN 'cancelled' THEN statement_timestamp() END
    FROM run
    WHERE w.workspace_id = $1 AND w.id = $2::bigint AND w.epoch = $3 AND w.kind = 'chunk'
      AND (${inState('w', 'enqueued')} OR ${inState('w', 'claimed')} AND w.token = $4::uuid)
    RETURNING w.*
  ),
  settled AS (${settleCancelled("(SELECT * FROM taken WHERE taken.state = 'cancelled')")})
  SELECT taken.workspace_id AS workspace, taken.id AS work, taken.token, run.id AS run, run.broadcast_key AS broadcast, run.test,
    taken.first_number AS first, taken.last_number AS last, taken.attempts AS attempt, run.definition,
    run.delivery_base AS "deliveryBase", ${millis('run.launched_at')} AS "launchedAt", ws.zone AS "workspaceZone",
    ws.person_zone_field AS "zoneField", ws.frequency_caps AS "workspaceCaps", ${nowColumn}, ${millis('taken.due_at')} AS "dueAt"
  FROM taken
  CROSS JOIN run
  JOIN workspaces ws ON ws.workspace_id = taken.workspace_id
  WHERE taken.state = 'claimed'`;
