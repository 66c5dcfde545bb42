import { runStatement } from '../database.js';
import type { Database } from '../database.js';

export interface RecordEvent {
  readonly workspaceId: string;
  /** Which of a person's two ids the event names them by. */
  readonly by: 'user_id' | 'anonymous_id';
  readonly id: string;
  readonly event: string;
  /** JSON object. */
  readonly properties: string;
  /** ISO 8601. */
  readonly occurredAt: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly messageId: string | null;
}

/**
 * Stores an event, once for a message id, with all that goes with it: the person's row, where it is missing, the times
 * at which they were seen, and the fact in the outbox. One statement, so that none of it can happen without the others.
 *
 * A message id that another transaction has just taken makes this one wait and then store nothing, or go on where the
 * other gave up. The person's row stays locked until the transaction ends: whoever joins or erases the person comes
 * before all of it or after all of it. A visitor who became a person meanwhile is found by their anonymous id there.
 *
 * @returns whether the event was stored; false for a message id that is known
 */
export async function recordEvent(db: Database, record: RecordEvent): Promise<boolean> {
  const { rowCount } = await runStatement(db, record.workspaceId, {
    name: `muster_record_event_by_${record.by}`,
    text: texts[record.by],
    values: [
      record.workspaceId,
      record.id,
      record.event,
      record.properties,
      record.occurredAt,
      record.receivedAt,
      record.messageId,
    ],
  });
  return rowCount === 1;
}

const texts = { user_id: textFor('user_id'), anonymous_id: textFor('anonymous_id') } as const;

function textFor(by: RecordEvent['by']): string {
  return `
WITH given AS (
  SELECT $5::text::timestamptz AS occurred, $6::timestamptz AS received
), message AS (
  INSERT INTO event_messages (workspace_id, message_id, received_at)
  SELECT $1, $7::text, g.received FROM given AS g WHERE $7::text IS NOT NULL
  ON CONFLICT (workspace_id, message_id) DO NOTHING
  RETURNING message_id
), fresh AS MATERIALIZED (
  SELECT * FROM given WHERE $7::text IS NULL OR EXISTS (SELECT FROM message)
), person AS (
  INSERT INTO end_users AS u (workspace_id, ${by}, created_at, updated_at, first_seen, last_seen, awaits_identify)
  SELECT $1, $2, f.received, f.received, seen, seen, true
  FROM fresh AS f CROSS JOIN LATERAL least(f.occurred, f.received) AS seen
  ON CONFLICT (workspace_id, ${by}) DO UPDATE SET
    first_seen = least(u.first_seen, EXCLUDED.first_seen),
    last_seen = greatest(u.last_seen, EXCLUDED.last_seen)
  RETURNING u.id, u.user_id
), stored AS (
  INSERT INTO events (workspace_id, end_user_id, event, properties, occurred_at, received_at, message_id)
  SELECT $1, p.id, $3, $4::jsonb, f.occurred, f.received, $7 FROM person AS p, fresh AS f
  RETURNING id
), fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, 'event', p.id, p.user_id,
    jsonb_build_object('event', $3::text, 'event_id', s.id, 'occurred_at', $5::text)
  FROM person AS p, stored AS s
)
SELECT id FROM stored`;
}
