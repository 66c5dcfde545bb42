import { randomBytes } from 'node:crypto';
import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';

/** `off` asks for no signature; `report` counts what `enforce` would refuse. */
export type IdentityMode = 'off' | 'report' | 'enforce';

export interface IdentitySecret {
  readonly id: string;
  readonly secret: string;
  readonly createdAt: Date;
  /** The end of an overlap; null for the current one. */
  readonly validUntil: Date | null;
}

export interface IdentitySettings {
  readonly mode: IdentityMode;
  readonly secrets: readonly IdentitySecret[];
}

/** The settings of a workspace; a workspace that is not there asks for nothing. */
export async function readIdentity(pool: Pool, workspaceId: string): Promise<IdentitySettings> {
  return inWorkspace(pool, workspaceId, (client) => selectIdentity(client, workspaceId));
}

/** The same, in the caller's transaction. */
export async function selectIdentity(client: Client, workspaceId: string): Promise<IdentitySettings> {
  const { rows } = await client.query<{
    identity_mode: IdentityMode;
    secret_id: string | null;
    secret: string | null;
    created_at: Date | null;
    valid_until: Date | null;
  }>(
    `SELECT w.identity_mode, s.secret_id, s.secret, s.created_at, s.valid_until
     FROM workspaces w LEFT JOIN identity_secrets s ON s.workspace_id = w.workspace_id
     WHERE w.workspace_id = $1 ORDER BY s.created_at DESC, s.secret_id`,
    [workspaceId],
  );
  const secrets = rows.flatMap(({ secret_id: id, secret, created_at: createdAt, valid_until: validUntil }) =>
    id === null || secret === null || createdAt === null ? [] : [{ id, secret, createdAt, validUntil }],
  );
  return { mode: rows[0]?.identity_mode ?? 'off', secrets };
}

/** Errors: `identity_no_secret`, because enforcing without one would refuse everybody. */
export async function setIdentityMode(pool: Pool, workspaceId: string, mode: IdentityMode): Promise<void> {
  const { rowCount } = await inWorkspace(pool, workspaceId, (client) =>
    client.query(
      `UPDATE workspaces SET identity_mode = $2
       WHERE workspace_id = $1
         AND ($2 <> 'enforce' OR EXISTS (SELECT 1 FROM identity_secrets s WHERE s.workspace_id = $1 AND s.valid_until IS NULL))`,
      [workspaceId, mode],
    ),
  );
  if (rowCount === 0) refuse('identity_no_secret');
}

/**
 * Makes a secret; the one before it goes on being accepted for the overlap (seconds). The answer is the only time that
 * the secret is shown.
 */
export async function rotateIdentitySecret(
  pool: Pool,
  { workspaceId, overlap, now }: { workspaceId: string; overlap: number; now: number },
): Promise<{ readonly id: string; readonly secret: string }> {
  const secret = `mis_${randomBytes(32).toString('hex')}`;
  return inWorkspace(pool, workspaceId, async (client) => {
    await client.query('SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE', [workspaceId]);
    await client.query('DELETE FROM identity_secrets WHERE workspace_id = $1 AND valid_until <= $2', [
      workspaceId,
      new Date(now),
    ]);
    await client.query(
      `UPDATE identity_secrets SET valid_until = least(valid_until, $2::timestamptz) WHERE workspace_id = $1`,
      [workspaceId, new Date(now + overlap * 1000)],
    );
    const { rows } = await client.query<{ secret_id: string }>(
      'INSERT INTO identity_secrets (workspace_id, secret) VALUES ($1, $2) RETURNING secret_id',
      [workspaceId, secret],
    );
    return { id: rows[0]?.secret_id ?? '', secret };
  });
}
