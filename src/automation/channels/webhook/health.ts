import type { Pool } from '../../../database/pool.js';
import { inWorkspace } from '../../../database/workspace.js';

/** Failures in a row, and milliseconds between the first of them and the last, after which an endpoint is disabled. */
export const disableAfter = { failures: 10, time: 3 * 86_400_000 } as const;

export interface EndpointFailure {
  readonly workspaceId: string;
  readonly key: string;
  /** Where it failed: one that was moved since is not to blame. */
  readonly url: string;
  readonly error: string;
  /** It said that it is gone for good. */
  readonly gone: boolean;
}

/**
 * Counts a failure, and disables an endpoint that is gone or has met nothing but failures for long enough, on the clock
 * of Postgres.
 */
export async function noteFailure(pool: Pool, failure: EndpointFailure): Promise<void> {
  const { workspaceId, key, url, error, gone } = failure;
  const { failures, time } = disableAfter;
  await inWorkspace(pool, workspaceId, (client) =>
    client.query(countFailure, [workspaceId, key, url, error.slice(0, 500), gone, failures, time]),
  );
}

/** Begins the count anew. Called only where there was something to count, so that a healthy endpoint costs no write. */
export async function noteSuccess(
  pool: Pool,
  { workspaceId, key, url }: { workspaceId: string; key: string; url: string },
): Promise<void> {
  await inWorkspace(pool, workspaceId, (client) => client.query(countSuccess, [workspaceId, key, url]));
}

const countFailure = `
  WITH failed AS (
    SELECT workspace_id, key,
      CASE
        WHEN $5 THEN 'gone'
        WHEN failures + 1 >= $6 AND failing_since <= statement_timestamp() - $7 * interval '1 millisecond' THEN 'failing'
      END AS reason
    FROM webhook_endpoints
    WHERE workspace_id = $1 AND key = $2 AND url = $3 AND enabled
    FOR NO KEY UPDATE
  )
  UPDATE webhook_endpoints e
  SET failures = e.failures + 1,
    failing_since = coalesce(e.failing_since, date_trunc('milliseconds', statement_timestamp())),
    last_error = $4,
    enabled = failed.reason IS NULL,
    disabled_reason = failed.reason,
    disabled_at = CASE WHEN failed.reason IS NOT NULL THEN date_trunc('milliseconds', statement_timestamp()) END
  FROM failed
  WHERE e.workspace_id = failed.workspace_id AND e.key = failed.key`;

const countSuccess = `
  UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, last_error = NULL
  WHERE workspace_id = $1 AND key = $2 AND url = $3 AND enabled AND failing_since IS NOT NULL`;
