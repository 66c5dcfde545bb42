import { createHash } from 'node:crypto';
import type { Client, Pool } from '../../../database/pool.js';
import { inWorkspace } from '../../../database/workspace.js';
import { parseIso } from '../../../filter/iso8601.js';
import { suppress } from '../../../traits/suppression.js';
import { isAddress } from '../reach.js';

export type FeedbackKind = 'hard_bounce' | 'soft_bounce' | 'complaint';

/** A bounce or a complaint, as a provider told of it. */
export interface Feedback {
  readonly kind: FeedbackKind;
  /** The provider's own id of the event; null where it gives none. */
  readonly id: string | null;
  /** The Message-ID of the message, with or without its brackets. */
  readonly messageId: string | null;
  readonly email: string | null;
  /** ISO 8601. */
  readonly at: string | null;
  readonly reason: string | null;
}

export interface FeedbackTaken {
  /** Events that were new, and those that were known already. */
  readonly taken: number;
  readonly repeated: number;
  /** Of the new ones, those that name neither a message of ours nor an address. */
  readonly unmatched: number;
}

/** Events of one call. */
export const mostFeedback = 1000;
const longestReason = 500;

/**
 * Writes bounces and complaints down, each once, all or none. A hard bounce suppresses the address; a complaint the address
 * and the person; a soft bounce is only counted. The message is found by its Message-ID; where no address is told it is the
 * one that the message went to.
 */
export async function takeFeedback(
  pool: Pool,
  workspaceId: string,
  events: readonly Feedback[],
): Promise<FeedbackTaken> {
  return inWorkspace(pool, workspaceId, async (client) => {
    const counts = { taken: 0, repeated: 0, unmatched: 0 };
    for (const event of events) {
      const about = await messageOf(client, workspaceId, deliveryIn(event.messageId));
      if (!(await noteOnce(client, workspaceId, event, about))) {
        counts.repeated += 1;
        continue;
      }
      counts.taken += 1;
      const email = event.email !== null && isAddress(event.email) ? event.email : (about?.to ?? null);
      if (email === null && about === null) counts.unmatched += 1;
      if (event.kind === 'soft_bounce') continue;
      const userId = event.kind === 'complaint' ? (about?.user_id ?? null) : null;
      if (email === null && userId === null) continue;
      await suppress(client, {
        workspaceId,
        ...(email === null ? {} : { email }),
        ...(userId === null ? {} : { userId }),
        reason: event.kind,
        source: 'email_feedback',
      });
    }
    return counts;
  });
}

interface About {
  readonly delivery: string;
  /** Null once the person is erased, as a broadcast still knows that they were sent something. */
  readonly end_user: string | null;
  readonly user_id: string | null;
  /** The address that it went to; of a broadcast's that arrived, which keeps no message, the one that the person has now. */
  readonly to: string | null;
}

async function messageOf(
  client: Client,
  workspaceId: string,
  delivery: string | null,
): Promise<About | null> {
  if (delivery === null) return null;
  const { rows } = await client.query<About>(findDelivery, [workspaceId, delivery]);
  return rows[0] ?? null;
}

/** The delivery that our Message-ID names; null for one of somebody else's. */
function deliveryIn(messageId: string | null): string | null {
  const found = /^<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@/i.exec(messageId ?? '');
  return found?.[1]?.toLowerCase() ?? null;
}

/** Whether it was new. What a provider gives no id is known by all that it says. */
async function noteOnce(
  client: Client,
  workspaceId: string,
  event: Feedback,
  about: About | null,
): Promise<boolean> {
  const { kind, id, messageId, email, at, reason } = event;
  const said = JSON.stringify(id === null ? [kind, messageId, email, at] : [kind, id]);
  const instant = at === null ? null : parseIso(at);
  const { rowCount } = await client.query(addFeedback, [
    workspaceId,
    createHash('sha256').update(said).digest('hex'),
    kind,
    about?.delivery ?? null,
    about?.end_user ?? null,
    // Nobody's text is kept that could not be erased with them.
    about === null || about.end_user === null || reason === null ? null : stored(reason),
    instant === null ? null : new Date(instant).toISOString(),
  ]);
  return rowCount === 1;
}

function stored(text: string): string {
  return text.toWellFormed().replaceAll('\0', '').slice(0, longestReason).toWellFormed();
}

const findDelivery = `
  SELECT d.id AS delivery, d.end_user_id AS end_user, u.user_id, d.message ->> 'to' AS to
  FROM deliveries d
  JOIN end_users u ON u.workspace_id = d.workspace_id AND u.id = d.end_user_id
  WHERE d.workspace_id = $1 AND d.id = $2::uuid AND d.channel = 'email'
  UNION ALL
  SELECT $2::uuid, r.end_user_id, u.user_id, coalesce(r.message ->> 'to', u.email)
  FROM broadcast_runs run
  JOIN broadcast_recipients r ON r.workspace_id = run.workspace_id AND r.run_id = run.id
    AND r.number = ('x' || right($2::uuid::text, 8))::bit(32)::integer
  LEFT JOIN end_users u ON u.workspace_id = r.workspace_id AND u.id = r.end_user_id
  WHERE run.workspace_id = $1 AND left(run.delivery_base::text, 28) = left($2::uuid::text, 28)
    AND run.definition ->> 'channel' = 'email' AND r.attempted_at IS NOT NULL`;

const addFeedback = `
  INSERT INTO email_feedback (workspace_id, feedback_id, kind, delivery_id, end_user_id, reason, at)
  VALUES ($1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, date_trunc('milliseconds', statement_timestamp())))
  ON CONFLICT (workspace_id, feedback_id) DO NOTHING`;
