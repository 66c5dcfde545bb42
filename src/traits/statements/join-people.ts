import type { Client } from '../../database/pool.js';
import { knownTraitNames } from '../known-traits.js';
import { joinEnrollments } from './join-enrollments.js';
import { fieldOfKey } from './told.js';

/** The person who stays. */
export interface Survivor {
  readonly id: string;
  readonly userId: string;
}

export interface Joining {
  /** Internal id of the row that goes: a visitor's or another person's. */
  readonly gone: string;
  /** Whose anonymous id stays where both have one. */
  readonly anonymousId: 'gone' | 'survivor';
}

/**
 * Merges one row into another; the caller's transaction holds both, and the one that goes is gone afterwards. A visitor who
 * turns out to be a known person and two known people who are one take this same way.
 *
 * - What they did and got moves over: events, deliveries, inbox, what series decided about them, and context entries that the
 *   survivor has not.
 * - Their places in broadcasts move too. Where both were in the same one, they are sent it once: whichever of the two was sent
 *   to, or may have been, stays, else the survivor's own.
 * - Series: see `joinEnrollments`.
 * - Memberships of segments move without being published, and are looked at again: only who leaves because of it is published.
 * - The survivor's traits win; the other's fill what is missing, and the outbox names those as `user_updated`.
 * - What could not be stored of either is the survivor's, by their user id: the ids of the one who goes are lost with the row,
 *   and the survivor's anonymous id may be.
 * - `first_seen` is the earlier, `last_seen` and `last_contacted_at` the later of the two.
 */
export async function joinPeople(
  client: Client,
  workspaceId: string,
  survivor: Survivor,
  { gone, anonymousId }: Joining,
): Promise<void> {
  // A worker that takes the one into a series holds their rows of the outbox; the next statements see what it wrote.
  await client.query(moveFacts, [workspaceId, gone, survivor.id, survivor.userId]);
  await client.query(holdAlone, [workspaceId, gone]);
  // A worker that sends a broadcast writes a recipient down first: from here on that waits, and the next statement sees who came first.
  await client.query(holdRecipients, [workspaceId, gone, survivor.id]);
  await joinEnrollments(client, workspaceId, survivor.id, gone);
  await client.query(moveRecords, [workspaceId, gone, survivor.id]);
  await client.query(moveMemberships, [workspaceId, gone, survivor.id]);
  await client.query(moveRefusals, [workspaceId, gone, survivor.id, survivor.userId]);
  await client.query(mergeRows, [workspaceId, gone, survivor.id, anonymousId === 'survivor']);
}

const moveFacts = `
UPDATE outbox SET end_user_id = $3, user_id = $4 WHERE workspace_id = $1 AND end_user_id = $2`;

// From here on nobody can write another record of the one who goes, which would be lost with their row.
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
  -- The date that let the one in is the survivor's from now on, and must not let them in again.
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
), moved_decisions AS (
  UPDATE series_decisions SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
), moved_turns AS (
  UPDATE segment_turns SET end_user_id = $3 WHERE workspace_id = $1 AND end_user_id = $2
)
UPDATE context_entries AS c SET end_user_id = $3
WHERE c.workspace_id = $1 AND c.end_user_id = $2 AND NOT EXISTS (
  SELECT FROM context_entries AS o WHERE o.workspace_id = $1 AND o.end_user_id = $3 AND o.key = c.key
)`;

// All that the survivor is in is asked about again, by the change without names. An override names people in the filter of its
// segment: the revision has it read anew.
const moveMemberships = `
WITH moved AS (
  INSERT INTO segment_members (workspace_id, segment_key, end_user_id, entered_at)
  SELECT workspace_id, segment_key, $3::uuid, entered_at FROM segment_members WHERE workspace_id = $1 AND end_user_id = $2
  ON CONFLICT DO NOTHING RETURNING 1
), moved_overrides AS (
  INSERT INTO segment_overrides (workspace_id, segment_key, end_user_id, member, reason, until, created_at)
  SELECT workspace_id, segment_key, $3::uuid, member, reason, until, created_at
  FROM segment_overrides WHERE workspace_id = $1 AND end_user_id = $2
  ON CONFLICT DO NOTHING RETURNING 1
), reread AS (
  UPDATE segment_clocks SET revision = revision + 1 WHERE workspace_id = $1 AND EXISTS (SELECT FROM moved_overrides)
)
INSERT INTO segment_changes (workspace_id, end_user_id)
SELECT $1, $3::uuid WHERE EXISTS (SELECT FROM moved) OR EXISTS (SELECT FROM moved_overrides)`;

const moveRefusals = `
UPDATE ingest_refusals AS r SET user_id = $4 FROM end_users AS u
WHERE u.workspace_id = $1 AND u.id IN ($2, $3) AND r.workspace_id = $1 AND r.user_id IS DISTINCT FROM $4
  AND (r.user_id = u.user_id OR r.user_id IS NULL AND r.anonymous_id = u.anonymous_id)`;

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
    anonymous_id = CASE WHEN $4::boolean THEN coalesce(u.anonymous_id, v.anonymous_id) ELSE v.anonymous_id END,
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
