import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { MusterError, problem, refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { collectText } from '../../traits/text.js';
import { urlProblem } from './webhook/address.js';
import type { NetworkRules } from './webhook/networks.js';
import { isSecret, newSecret } from './webhook/signature.js';
import type { DisabledReason } from './webhook/target.js';

/** A webhook endpoint as callers see it: never a secret's text. Times are ISO 8601 in UTC. */
export interface WebhookEndpoint {
  readonly key: string;
  /** As the URL standard writes it, which is how it is called. */
  readonly url: string;
  readonly description: string | null;
  readonly enabled: boolean;
  /** `by_hand`, `gone` after an answer of 410, `failing` after days of nothing but failures; null while enabled. */
  readonly disabled_reason: DisabledReason | null;
  readonly disabled_at: string | null;
  /** The first failure since the last success; null where the last attempt succeeded. */
  readonly failing_since: string | null;
  readonly failures: number;
  readonly last_error: string | null;
  /** Those that sign now, the current one first. */
  readonly secrets: SecretView[];
  readonly created_at: string;
  readonly updated_at: string;
}

export interface SecretView {
  readonly id: string;
  readonly created_at: string;
  /** The end of an overlap; null for the current one. */
  readonly valid_until: string | null;
}

export interface SaveEndpoint {
  readonly workspaceId: string;
  readonly key: string;
  readonly url: string;
  readonly description?: string | undefined;
  /** Left out: as it is; a new one is enabled. */
  readonly enabled?: boolean | undefined;
  /** For a new endpoint, in place of one that is made: `whsec_` and 24 to 64 bytes in base64. */
  readonly secret?: string | undefined;
}

export interface SavedEndpoint {
  readonly endpoint: WebhookEndpoint;
  /** Of an endpoint that is new; null otherwise. It is not shown again. */
  readonly secret: string | null;
}

export interface EndpointName {
  readonly workspaceId: string;
  readonly key: string;
}

const mostEndpoints = 200;
const longestDescription = 500;
/** Seconds that an old secret goes on signing after a rotation when nothing else is asked: a day. */
export const defaultSecretOverlap = 86_400;
/** The longest overlap, in seconds: thirty days. */
export const longestSecretOverlap = 30 * 86_400;
/** Secrets that sign at once, so that the header stays short however often somebody rotates. */
const mostSecrets = 5;

/**
 * Makes an endpoint, or changes the one with this key; what is left out of a change keeps its description and state, and
 * another URL begins its count of failures anew. Secrets are changed by rotation only.
 *
 * Errors, all at once: `webhook_bad_key`, `webhook_bad_url`, `webhook_blocked_address`, `bad_label`,
 * `webhook_bad_secret`; then `unknown_workspace`, `too_many_webhooks`, `webhook_secret_differs`.
 */
export async function saveEndpoint(
  pool: Pool,
  rules: NetworkRules,
  endpoint: SaveEndpoint,
): Promise<SavedEndpoint> {
  refuseFaults(endpoint, rules);
  const { workspaceId, key, url, description, enabled } = endpoint;
  return inWorkspace(pool, workspaceId, async (client) => {
    await lockWorkspace(client, workspaceId);
    const isNew = !(await exists(client, workspaceId, key));
    if (isNew && (await countOf(client, workspaceId)) >= mostEndpoints) {
      refuse('too_many_webhooks', { limit: mostEndpoints });
    }
    const values = [workspaceId, key, new URL(url).href, description ?? null, enabled ?? null];
    await client.query(putEndpoint, values);
    if (!isNew && endpoint.secret !== undefined) {
      const { rowCount } = await client.query(readCurrentSecret, [workspaceId, key, endpoint.secret]);
      if (rowCount === 0) refuse('webhook_secret_differs', { key }, { path: '/secret' });
    }
    const secret = isNew ? (endpoint.secret ?? newSecret()) : null;
    if (secret !== null) await client.query(addSecret, [workspaceId, key, secret]);
    return { endpoint: await oneEndpoint(client, workspaceId, key), secret };
  });
}

/** All endpoints of a workspace, by key. */
export async function listEndpoints(pool: Pool, workspaceId: string): Promise<WebhookEndpoint[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<EndpointRow>(`${readEndpoints} ORDER BY e.key`, [workspaceId]),
  );
  return rows.map(viewOf);
}

/** Errors: `webhook_not_found`. */
export async function getEndpoint(pool: Pool, { workspaceId, key }: EndpointName): Promise<WebhookEndpoint> {
  return inWorkspace(pool, workspaceId, (client) => oneEndpoint(client, workspaceId, key));
}

/** Deletes an endpoint and its secrets; what is still to be sent there fails once its attempts are over. Again is harmless. */
export async function deleteEndpoint(
  pool: Pool,
  { workspaceId, key }: EndpointName,
): Promise<{ readonly deleted: boolean }> {
  const { rowCount } = await inWorkspace(pool, workspaceId, (client) =>
    client.query('DELETE FROM webhook_endpoints WHERE workspace_id = $1 AND key = $2', [workspaceId, key]),
  );
  return { deleted: rowCount === 1 };
}

/** Lets an endpoint be called again, whatever it was disabled for. Errors: `webhook_not_found`. */
export async function enableEndpoint(
  pool: Pool,
  { workspaceId, key }: EndpointName,
): Promise<WebhookEndpoint> {
  return inWorkspace(pool, workspaceId, async (client) => {
    await client.query(enable, [workspaceId, key]);
    return oneEndpoint(client, workspaceId, key);
  });
}

/**
 * Makes another secret the current one. The one before signs beside it for `overlap` seconds (0 ends it at once), so that
 * the receiver can change when it likes; an overlap that runs already is never made longer. At most five sign at once.
 *
 * Errors: `webhook_bad_secret`, `webhook_not_found`.
 */
export async function rotateEndpointSecret(
  pool: Pool,
  rotation: EndpointName & { readonly overlap?: number; readonly secret?: string | undefined },
): Promise<{ readonly secret: string; readonly endpoint: WebhookEndpoint }> {
  const { workspaceId, key, overlap = defaultSecretOverlap, secret = newSecret() } = rotation;
  if (!isSecret(secret)) refuse('webhook_bad_secret', {}, { path: '/secret' });
  return inWorkspace(pool, workspaceId, async (client) => {
    // Two rotations at once follow each other.
    const { rowCount } = await client.query(lockEndpoint, [workspaceId, key]);
    if (rowCount === 0) refuse('webhook_not_found', { key });
    await client.query(endSecrets, [workspaceId, key, overlap]);
    await client.query(dropSecrets, [workspaceId, key, mostSecrets - 1]);
    await client.query(addSecret, [workspaceId, key, secret]);
    return { secret, endpoint: await oneEndpoint(client, workspaceId, key) };
  });
}

function refuseFaults({ key, url, description, secret }: SaveEndpoint, rules: NetworkRules): void {
  const problems: Problem[] = [];
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(key)) {
    problems.push(problem('webhook_bad_key', { key: shown(key) }, { path: '/key' }));
  }
  const fault = urlProblem(url, rules, '/url');
  if (fault !== null) problems.push(fault);
  if (description !== undefined) collectText('description', description, problems, longestDescription);
  if (secret !== undefined && !isSecret(secret)) {
    problems.push(problem('webhook_bad_secret', {}, { path: '/secret' }));
  }
  if (problems.length > 0) throw new MusterError(problems);
}

async function lockWorkspace(client: Client, workspaceId: string): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE',
    [workspaceId],
  );
  if (rowCount === 0) refuse('unknown_workspace', { workspace: workspaceId });
}

async function exists(client: Client, workspaceId: string, key: string): Promise<boolean> {
  const { rowCount } = await client.query(lockEndpoint, [workspaceId, key]);
  return rowCount === 1;
}

async function countOf(client: Client, workspaceId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM webhook_endpoints WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows[0]?.count ?? 0;
}

async function oneEndpoint(client: Client, workspaceId: string, key: string): Promise<WebhookEndpoint> {
  const { rows } = await client.query<EndpointRow>(`${readEndpoints} AND e.key = $2`, [workspaceId, key]);
  const [row] = rows;
  return row === undefined ? refuse('webhook_not_found', { key }) : viewOf(row);
}

interface EndpointRow extends Omit<
  WebhookEndpoint,
  'disabled_at' | 'failing_since' | 'created_at' | 'updated_at' | 'secrets'
> {
  readonly disabled_at: Date | null;
  readonly failing_since: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly secrets: readonly SecretView[];
}

function viewOf(row: EndpointRow): WebhookEndpoint {
  return {
    ...row,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    failing_since: row.failing_since?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    secrets: row.secrets.map(({ id, created_at, valid_until }) => ({
      id,
      created_at: new Date(created_at).toISOString(),
      valid_until: valid_until === null ? null : new Date(valid_until).toISOString(),
    })),
  };
}

const readEndpoints = `
  SELECT e.key, e.url, e.description, e.enabled, e.disabled_reason, e.disabled_at, e.failing_since, e.failures,
    e.last_error, e.created_at, e.updated_at,
    coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', s.secret_id, 'created_at', s.created_at, 'valid_until', s.valid_until)
        ORDER BY s.valid_until DESC NULLS FIRST, s.secret_id)
      FROM webhook_secrets s
      WHERE s.workspace_id = e.workspace_id AND s.endpoint_key = e.key
        AND (s.valid_until IS NULL OR s.valid_until > statement_timestamp())
    ), '[]') AS secrets
  FROM webhook_endpoints e
  WHERE e.workspace_id = $1`;

const lockEndpoint = `
  SELECT 1 FROM webhook_endpoints WHERE workspace_id = $1 AND key = $2 FOR NO KEY UPDATE`;

const now = `date_trunc('milliseconds', statement_timestamp())`;

// What was counted belongs to the URL and to the time since it was enabled.
const putEndpoint = `
  INSERT INTO webhook_endpoints AS e (workspace_id, key, url, description, enabled, disabled_reason, disabled_at)
  VALUES ($1, $2, $3, $4, coalesce($5, true), CASE WHEN $5 = false THEN 'by_hand' END, CASE WHEN $5 = false THEN ${now} END)
  ON CONFLICT (workspace_id, key) DO UPDATE
  SET url = $3,
    description = coalesce($4, e.description),
    enabled = coalesce($5, e.enabled),
    disabled_reason = CASE WHEN NOT coalesce($5, e.enabled) THEN coalesce(e.disabled_reason, 'by_hand') END,
    disabled_at = CASE WHEN NOT coalesce($5, e.enabled) THEN coalesce(e.disabled_at, ${now}) END,
    failures = CASE WHEN e.url <> $3 OR $5 AND NOT e.enabled THEN 0 ELSE e.failures END,
    failing_since = CASE WHEN e.url <> $3 OR $5 AND NOT e.enabled THEN NULL ELSE e.failing_since END,
    last_error = CASE WHEN e.url <> $3 OR $5 AND NOT e.enabled THEN NULL ELSE e.last_error END,
    updated_at = ${now}`;

const enable = `
  UPDATE webhook_endpoints
  SET enabled = true, disabled_reason = NULL, disabled_at = NULL, failures = 0, failing_since = NULL, last_error = NULL,
    updated_at = ${now}
  WHERE workspace_id = $1 AND key = $2 AND NOT enabled`;

const addSecret = 'INSERT INTO webhook_secrets (workspace_id, endpoint_key, secret) VALUES ($1, $2, $3)';

const readCurrentSecret = `
  SELECT 1 FROM webhook_secrets
  WHERE workspace_id = $1 AND endpoint_key = $2 AND secret = $3 AND valid_until IS NULL`;

const endSecrets = `
  UPDATE webhook_secrets SET valid_until = least(valid_until, ${now} + $3 * interval '1 second')
  WHERE workspace_id = $1 AND endpoint_key = $2`;

// Those that are over, and the oldest of too many.
const dropSecrets = `
  DELETE FROM webhook_secrets
  WHERE workspace_id = $1 AND endpoint_key = $2 AND secret_id NOT IN (
    SELECT secret_id FROM webhook_secrets
    WHERE workspace_id = $1 AND endpoint_key = $2 AND valid_until > statement_timestamp()
    ORDER BY created_at DESC, secret_id LIMIT $3
  )`;
