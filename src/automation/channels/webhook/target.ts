import type { Pool } from '../../../database/pool.js';
import { inWorkspace } from '../../../database/workspace.js';

/** An endpoint as a delivery needs it. */
export interface Target {
  readonly url: string;
  readonly enabled: boolean;
  readonly disabled_reason: DisabledReason | null;
  /** Whether it has failed since its last success. */
  readonly failing: boolean;
  /** Those that are valid now, the current one first. */
  readonly secrets: readonly string[];
  /** Milliseconds since 1970 (UTC) on the clock of Postgres. */
  readonly now: number;
}

export type DisabledReason = 'by_hand' | 'gone' | 'failing';

/** Null where the workspace has no such endpoint. */
export async function readTarget(pool: Pool, workspaceId: string, key: string): Promise<Target | null> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<Target>(readEndpoint, [workspaceId, key]),
  );
  return rows[0] ?? null;
}

const readEndpoint = `
  SELECT e.url, e.enabled, e.disabled_reason, e.failing_since IS NOT NULL AS failing,
    ARRAY(
      SELECT s.secret FROM webhook_secrets s
      WHERE s.workspace_id = e.workspace_id AND s.endpoint_key = e.key
        AND (s.valid_until IS NULL OR s.valid_until > statement_timestamp())
      ORDER BY s.valid_until DESC NULLS FIRST, s.secret_id
    ) AS secrets,
    floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now
  FROM webhook_endpoints e
  WHERE e.workspace_id = $1 AND e.key = $2`;
