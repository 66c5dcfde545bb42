import type { Client, Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import type { Verdict } from './model.js';
import { readRun } from './runs.js';

export const recipientStates = ['pending', 'sending', 'sent', 'skipped', 'failed', 'unknown'] as const;
export type RecipientState = (typeof recipientStates)[number];

/** One person of a launch, as callers see them. */
export interface Recipient {
  /** Null once the person is erased; a visitor has an `anonymous_id`. */
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  /** What the launch made of them. */
  readonly verdict: Verdict;
  readonly variant: string;
  readonly state: RecipientState;
  /** Why they were skipped, or what the channel said last. */
  readonly reason: string | null;
  /** When they are due; null where nothing is sent. */
  readonly due_at: Date | null;
  readonly attempts: number;
  readonly retry_at: Date | null;
  readonly sent_at: Date | null;
  /** Id of the delivery, which the channel sees as the idempotency key. */
  readonly delivery: string;
}

export interface ListRecipients {
  readonly run?: string | undefined;
  readonly state?: RecipientState | undefined;
  readonly verdict?: Verdict | undefined;
  readonly variant?: string | undefined;
  /** Most of one page, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/**
 * Who was in the audience at the launch and what became of each, in the order in which they are due. `next` is null on the last
 * page; an `after` that is none begins anew.
 *
 * Errors: `broadcast_not_found`, `broadcast_run_not_found`.
 */
export async function listRecipients(
  pool: Pool,
  workspaceId: string,
  key: string,
  { run: name, state, verdict, variant, limit = 100, after }: ListRecipients = {},
): Promise<{ recipients: Recipient[]; next: string | null }> {
  const size = Math.min(Math.max(1, Math.trunc(limit)), 1000);
  const from = /^[0-9]{1,9}$/.test(after ?? '') ? (after ?? '0') : '0';
  return inWorkspace(pool, workspaceId, async (client) => {
    const { id } = await readRun(client, workspaceId, key, name);
    const { rows } = await client.query<Recipient & { number: number }>(listPage, [
      workspaceId,
      id,
      from,
      state ?? null,
      verdict ?? null,
      variant ?? null,
      size + 1,
    ]);
    const page = rows.slice(0, size);
    const last = page.at(-1);
    return {
      recipients: page.map(({ number: _number, ...recipient }) => recipient),
      next: rows.length > size && last !== undefined ? String(last.number) : null,
    };
  });
}

/** What a run made of one person; null where they were not in its audience. Of somebody who was in it twice: the one that counts. */
export async function recipientIn(
  client: Client,
  workspaceId: string,
  runId: string,
  endUser: string,
): Promise<Recipient | null> {
  const { rows } = await client.query<Recipient & { number: number }>(findOne, [workspaceId, runId, endUser]);
  const [found] = rows;
  if (found === undefined) return null;
  const { number: _number, ...recipient } = found;
  return recipient;
}

const readRecipients = `
  SELECT r.number, u.user_id, u.anonymous_id, r.verdict, r.variant, r.state, r.reason, r.due_at, r.attempts, r.retry_at,
    r.sent_at, muster_delivery_id(run.delivery_base, r.number) AS delivery
  FROM broadcast_recipients r
  JOIN broadcast_runs run ON run.workspace_id = r.workspace_id AND run.id = r.run_id
  LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id
  WHERE r.workspace_id = $1 AND r.run_id = $2`;

const listPage = `${readRecipients} AND r.number > $3::integer AND ($4::text IS NULL OR r.state = $4)
    AND ($5::text IS NULL OR r.verdict = $5) AND ($6::text IS NULL OR r.variant = $6)
  ORDER BY r.number LIMIT $7`;

const findOne = `${readRecipients} AND r.end_user_id = $3
  ORDER BY r.reason IS NOT DISTINCT FROM 'joined', r.number LIMIT 1`;
