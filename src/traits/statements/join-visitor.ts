import type { Client } from '../../database/pool.js';
import { knownTraitNames } from '../known-traits.js';
import { fieldOfKey } from './told.js';

/**
 * Merges a visitor's row, which this transaction holds, into the row of a person who has one already; the visitor's row
 * is gone afterwards and its anonymous id stands on the person's.
 *
 * - What the visitor did and got moves over: events, deliveries, inbox, and context entries that the person has not.
 * - Their places in broadcasts move too. Where both were in the same one, they are sent it once: whichever of the two was sent to, or
 *   may have been, stays, else the person's own.
 * - A series that only the visitor was in goes on for the person; where both were in it, the person's own goes on.
 * - The person's traits win; the visitor's fill what is missing, and the outbox names those as `user_updated`.
 * - `first_seen` is the earlier, `last_seen` and `last_contacted_at` the later of the two.
 *
 * @returns whether there was such a person
 */
export async function joinVisitor(
  client: Client,
  workspaceId: string,
  userId: string,
  visitor: string,
): Promise<boolean> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT u.id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2 FOR NO KEY UPDATE',
    [workspaceId, userId],
  );
  const person = rows[0]?.id;
  if (person === undefined) return false;
  // Whoever is taking the visitor into a series holds their rows of the outbox; the next statements see what came of it.
  await client.query(moveFacts, [workspaceId, visitor, person, userId]);
  await client.query(holdAlone, [workspaceId, visitor]);
  // Whoever sends a broadcast writes a recipient down first: from here on that waits, and the next statement sees who came first.
  await client.query(holdRecipients, [workspaceId, visitor, person]);
  await client.query(moveRecords, [workspaceId, visitor, person]);
  await client.query(mergeRows, [workspaceId, visitor, person]);
  return true;
}

const moveFacts = `
UPDATE outbox SET end_user_id = $3, user_id = $4 WHERE workspace_id = $1 AND end_user_id = $2`;

// From here on nobody can write another record of the visitor, which would be lost with their row.
const holdAlone = 'SELECT FROM end_users WHERE workspace_id = $1 AND id = $2 FOR UPDATE';

const holdRecipients = `
SELECT FROM broadcast_recipients WHERE workspace_id = $1 AND end_user_id IN ($2, $3)
ORDER BY run_id, number FOR NO KEY UPDATE`;

/** How far one came in a broadcast, -1 where they are not sent to at all; of two the further goes on. */
const reach = (recipient: string): string => `CASE
    WHEN ${recipient}.state IN ('sent', 'sending', 'unknown') THEN 2 WHEN ${recipient}.state <> 'pending' THEN -1
    WHEN ${recipient}.unsure THEN 1 ELSE 0
  END`;

const moveRecords = `
WITH moved_events AS (
  UPDATE events SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
), moved_deliveries AS (
  UPDATE deliveries SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
), moved_messages AS (
  UPDATE inbox_messages SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
), moved_dates AS (
  -- The date that the visitor was let in by is the person's from now on, and must not let them in again.
  INSERT INTO date_entries (workspace_id, series_key, end_user_id, field, day, at)
  SELECT workspace_id, series_key, $3::uuid, field, day, at FROM date_entries WHERE workspace_id = $1 AND end_user_id = $2
  ON CONFLICT DO NOTHING
), moved_feedback AS (
  UPDATE email_feedback SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
), both_in AS (
  SELECT v.run_id, v.number AS visitors, p.number AS persons, ${reach('v')} > ${reach('p')} AS visitor_goes_on
  FROM broadcast_recipients AS v
  JOIN broadcast_recipients AS p ON p.workspace_id = v.workspace_id AND p.run_id = v.run_id
  WHERE v.workspace_id = $1 AND v.end_user_id = $2 AND p.end_user_id = $3
    AND ${reach('v')} >= 0 AND ${reach('p')} >= 0
), moved_recipients AS (
  UPDATE broadcast_recipients AS r SET end_user_id = $3,
    state = CASE WHEN NOT ends THEN r.state WHEN r.unsure THEN 'unknown' ELSE 'skipped' END,
    reason = CASE WHEN ends THEN 'joined' ELSE r.reason END, message = CASE WHEN NOT ends THEN r.message END
  FROM (
    SELECT o.run_id, o.number, o.state = 'pending' AND EXISTS (
      SELECT FROM both_in AS b
      WHERE b.run_id = o.run_id AND o.number = CASE WHEN b.visitor_goes_on THEN b.persons ELSE b.visitors END
    ) AS ends
    FROM broadcast_recipients AS o WHERE o.workspace_id = $1 AND o.end_user_id IN ($2, $3)
  ) AS place
  WHERE r.workspace_id = $1 AND r.run_id = place.run_id AND r.number = place.number AND (place.ends OR r.end_user_id = $2)
), moved_entries AS (
  UPDATE context_entries AS c SET end_user_id = $3
  WHERE c.workspace_id = $1 AND c.end_user_id = $2 AND NOT EXISTS (
    SELECT FROM context_entries AS o WHERE o.workspace_id = $1 AND o.end_user_id = $3 AND o.key = c.key
  )
)
UPDATE enrollments AS e SET end_user_id = $3
WHERE e.workspace_id = $1 AND e.end_user_id = $2 AND NOT EXISTS (
  SELECT FROM enrollments AS o
  WHERE o.workspace_id = $1 AND o.end_user_id = $3 AND o.series_key = e.series_key
)`;

const filled = ['company_id', ...knownTraitNames];

const mergeRows = `
WITH gone AS (
  DELETE FROM end_users WHERE workspace_id = $1 AND id = $2 RETURNING *
), change AS (
  SELECT ARRAY(
    SELECT field
    FROM (VALUES ${filled.map((name) => `('${name}', u.${name} IS NULL AND v.${name} IS NOT NULL)`).join(', ')})
      AS column_change (field, changed)
    WHERE changed
  ) || ARRAY(
    SELECT ${fieldOfKey('key')}
    FROM jsonb_object_keys(v.custom_fields) AS key
    WHERE NOT u.custom_fields ? key
    ORDER BY key COLLATE "C"
  ) AS changed
  FROM end_users AS u, gone AS v WHERE u.workspace_id = $1 AND u.id = $3
), merged AS (
  UPDATE end_users AS u SET
    anonymous_id = v.anonymous_id,
    ${filled.map((name) => `${name} = coalesce(u.${name}, v.${name})`).join(',\n    ')},
    custom_fields = v.custom_fields || u.custom_fields,
    first_seen = least(u.first_seen, v.first_seen),
    last_seen = greatest(u.last_seen, v.last_seen),
    last_contacted_at = greatest(u.last_contacted_at, v.last_contacted_at)
  FROM gone AS v
  WHERE u.workspace_id = $1 AND u.id = $3
  RETURNING u.id, u.user_id, u.awaits_identify
)
INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
SELECT $1, 'user_updated', m.id, m.user_id, jsonb_build_object('fields', c.changed)
FROM merged AS m, change AS c
WHERE cardinality(c.changed) > 0 AND NOT m.awaits_identify`;
