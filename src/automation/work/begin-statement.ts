import { millis } from '../facts/person.js';
import { inState } from './in-state.js';
import { rowsOf } from './lists.js';
import type { RenderedMessage } from './render.js';

export interface BeginRequest {
  readonly workspace: string;
  readonly work: string;
  readonly token: string;
  readonly kind: 'send' | 'webhook';
  readonly channel: string;
  readonly message: RenderedMessage;
  readonly endUser: string;
  /** What the message is about; null or left out for nothing in particular. */
  readonly topic?: string | null;
  /** Whether it waits for an operator where its confirmation is lost. */
  readonly parks?: boolean;
  /** Counted once more, under a lock, where there are any: fewer than `messages` since `since` (milliseconds since 1970). */
  readonly caps: readonly { readonly messages: number; readonly since: number }[];
}

/**
 * What may be done now. `send`: call the channel, with the message rendered first, where an earlier attempt came this far.
 * `delivered`: an earlier attempt did, and nobody wrote the move down. `lost`: the lease is over, or the person has left.
 */
export type Begun =
  | { readonly verdict: 'send'; readonly message: RenderedMessage; readonly createdAt: number }
  | { readonly verdict: 'suppressed' }
  | { readonly verdict: 'capped' }
  | { readonly verdict: 'delivered' }
  | { readonly verdict: 'lost' };

export interface BegunRow {
  token: string;
  verdict: 'send' | 'suppressed' | 'capped' | 'delivered';
  message: RenderedMessage | null;
  created_at: number | null;
}

export function addBegun(begun: Map<string, Begun>, rows: readonly BegunRow[]): void {
  for (const { token, verdict, message, created_at: createdAt } of rows) {
    if (verdict !== 'send') begun.set(token, { verdict });
    // A row without its delivery lost against whoever deleted the person meanwhile.
    else if (message !== null && createdAt !== null) begun.set(token, { verdict, message, createdAt });
  }
}

export function beginValues(requests: readonly BeginRequest[]): unknown[] {
  return [
    requests.map((request) => request.workspace),
    requests.map((request) => request.work),
    requests.map((request) => request.token),
    requests.map((request) => request.kind),
    requests.map((request) => request.channel),
    requests.map((request) => JSON.stringify(request.message)),
    requests.map(({ topic = null }) => topic),
    requests.map(({ parks = false }) => parks),
  ];
}

/**
 * The statement; `capped` is a condition on `held` under which the place is taken already.
 *
 * The claim is locked until the delivery is committed, so that the sweep passes over it. Otherwise a statement that
 * outlasts its lease is taken for a worker that went away before it began: another one sends in its place and goes on, and
 * then this one sends as well.
 *
 * Fenced lookups (OFFSET 0), for the reason given where people are read.
 */
export const beginSending = (capped = 'false'): string => `
  WITH request AS (
    SELECT * FROM ${rowsOf(['text', 'bigint', 'uuid', 'text', 'text', 'text', 'text', 'boolean'])}
      AS request (workspace_id, id, token, kind, channel, message, topic, parks)
  ),
  held AS MATERIALIZED (
    SELECT request.*, w.delivery_id, w.enrollment_id, w.series_key, w.step, w.visit, e.end_user_id, d.state AS before
    FROM request
    CROSS JOIN LATERAL (
      SELECT * FROM work w
      WHERE w.workspace_id = request.workspace_id AND w.id = request.id
        AND ${inState('w', 'claimed')} AND w.token = request.token AND w.lease_until > statement_timestamp()
      OFFSET 0 FOR NO KEY UPDATE
    ) AS w
    CROSS JOIN LATERAL (
      SELECT e.end_user_id FROM enrollments e
      WHERE e.workspace_id = request.workspace_id AND e.id = w.enrollment_id AND ${inState('e', 'active')} OFFSET 0
    ) AS e
    LEFT JOIN LATERAL (
      SELECT d.state FROM deliveries d WHERE d.workspace_id = request.workspace_id AND d.id = w.delivery_id OFFSET 0
    ) AS d ON true
  ),
  verdict AS MATERIALIZED (
    SELECT held.*, CASE
      WHEN held.before = 'delivered' THEN 'delivered'
      WHEN held.kind = 'send' AND EXISTS (
        SELECT FROM end_users u CROSS JOIN LATERAL muster_suppressing(u.workspace_id, u.user_id, u.email, held.topic)
        WHERE u.workspace_id = held.workspace_id AND u.id = held.end_user_id
      ) THEN 'suppressed'
      WHEN ${capped} THEN 'capped'
      ELSE 'send' END AS verdict
    FROM held
  ),
  begun AS (
    INSERT INTO deliveries
      (workspace_id, id, work_id, enrollment_id, series_key, step, visit, end_user_id, kind, channel, state, message,
        parks)
    SELECT workspace_id, delivery_id, id, enrollment_id, series_key, step, visit, end_user_id, kind, channel,
      'sending', message::jsonb, parks
    FROM verdict WHERE verdict = 'send'
    ON CONFLICT (workspace_id, id) DO UPDATE
      SET state = 'sending', parks = excluded.parks, attempts = deliveries.attempts + 1, last_error = NULL,
        attempted_at = date_trunc('milliseconds', statement_timestamp())
    RETURNING workspace_id, work_id, message, created_at
  )
  SELECT verdict.token, verdict.verdict, begun.message, ${millis('begun.created_at')} AS created_at
  FROM verdict
  LEFT JOIN begun ON begun.workspace_id = verdict.workspace_id AND begun.work_id = verdict.id`;
