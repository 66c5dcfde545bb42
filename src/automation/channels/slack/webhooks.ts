import type { Client, Pool } from '../../../database/pool.js';
import { inWorkspace } from '../../../database/workspace.js';
import { MusterError, problem, refuse } from '../../../errors/index.js';
import type { Problem } from '../../../errors/index.js';
import { shown } from '../../../filter/parse/context.js';
import { collectText } from '../../../traits/text.js';
import { urlProblem } from '../webhook/address.js';
import type { NetworkRules } from '../webhook/networks.js';

/** An incoming webhook of Slack as callers see it: never its URL, with which anybody could post. */
export interface SlackWebhook {
  readonly key: string;
  /** Where its URL leads, such as `hooks.slack.com`. */
  readonly host: string;
  readonly description: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface SaveSlackWebhook {
  readonly workspaceId: string;
  readonly key: string;
  readonly url: string;
  readonly description?: string | undefined;
}

const mostWebhooks = 200;
const longestDescription = 500;

/**
 * Makes a webhook, or changes the one with this key. Errors, all at once: `webhook_bad_key`, `webhook_bad_url`,
 * `webhook_blocked_address`, `bad_label`; then `unknown_workspace`, `too_many_webhooks`.
 */
export async function saveSlackWebhook(
  pool: Pool,
  rules: NetworkRules,
  { workspaceId, key, url, description }: SaveSlackWebhook,
): Promise<SlackWebhook> {
  const problems: Problem[] = [];
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(key)) {
    problems.push(problem('webhook_bad_key', { key: shown(key) }, { path: '/key' }));
  }
  const fault = urlProblem(url, rules, '/url');
  if (fault !== null) problems.push(fault);
  if (description !== undefined) collectText('description', description, problems, longestDescription);
  if (problems.length > 0) throw new MusterError(problems);
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rowCount } = await client.query(lockWorkspace, [workspaceId]);
    if (rowCount === 0) refuse('unknown_workspace', { workspace: workspaceId });
    const keys = await slackKeys(client, workspaceId);
    if (!keys.includes(key) && keys.length >= mostWebhooks)
      refuse('too_many_webhooks', { limit: mostWebhooks });
    const values = [workspaceId, key, new URL(url).href, description ?? null];
    const { rows } = await client.query<Row>(putWebhook, values);
    const [row] = rows;
    if (row === undefined) throw new Error('a row that was just written is not there');
    return viewOf(row);
  });
}

/** All of a workspace, by key. */
export async function listSlackWebhooks(pool: Pool, workspaceId: string): Promise<SlackWebhook[]> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<Row>(readWebhooks, [workspaceId]),
  );
  return rows.map(viewOf);
}

/** What is still to be posted there fails once its attempts are over. Again is harmless. */
export async function deleteSlackWebhook(
  pool: Pool,
  { workspaceId, key }: { readonly workspaceId: string; readonly key: string },
): Promise<{ readonly deleted: boolean }> {
  const { rowCount } = await inWorkspace(pool, workspaceId, (client) =>
    client.query('DELETE FROM slack_webhooks WHERE workspace_id = $1 AND key = $2', [workspaceId, key]),
  );
  return { deleted: rowCount === 1 };
}

export async function slackKeys(client: Client, workspaceId: string): Promise<string[]> {
  const { rows } = await client.query<Row>(readWebhooks, [workspaceId]);
  return rows.map(({ key }) => key);
}

/** Null where the workspace has no such webhook. */
export async function readSlackUrl(pool: Pool, workspaceId: string, key: string): Promise<string | null> {
  const { rows } = await inWorkspace(pool, workspaceId, (client) =>
    client.query<Row>(`${readColumns} WHERE workspace_id = $1 AND key = $2`, [workspaceId, key]),
  );
  return rows[0]?.url ?? null;
}

interface Row {
  readonly key: string;
  readonly url: string;
  readonly description: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

function viewOf({ key, url, description, created_at, updated_at }: Row): SlackWebhook {
  return {
    key,
    host: new URL(url).host,
    description,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

const lockWorkspace = 'SELECT 1 FROM workspaces WHERE workspace_id = $1 FOR NO KEY UPDATE';

const readColumns = 'SELECT key, url, description, created_at, updated_at FROM slack_webhooks';

const readWebhooks = `${readColumns} WHERE workspace_id = $1 ORDER BY key`;

const putWebhook = `
  INSERT INTO slack_webhooks AS s (workspace_id, key, url, description)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT (workspace_id, key) DO UPDATE
  SET url = $3, description = coalesce($4, s.description), updated_at = date_trunc('milliseconds', statement_timestamp())
  RETURNING key, url, description, created_at, updated_at`;
