import type { Client } from '../../database/pool.js';

/**
 * Gives one person's entries into series to another, numbered anew in the order in which they began, so that both histories
 * decide who may enter again.
 *
 * Nothing is sent twice: where both are inside the same series, the entry that has sent more goes on, else the survivor's own;
 * and an entry ends that the entry policy would have refused, had it known the other's. An entry that ends this way is
 * `exited` with the reason `joined`. A message that is on its way arrives.
 */
export async function joinEnrollments(
  client: Client,
  workspaceId: string,
  survivor: string,
  gone: string,
): Promise<void> {
  const people = [workspaceId, gone, survivor];
  // From here on no worker moves them, and the next statement sees where they stand.
  await client.query(hold, people);
  const { rows } = await client.query<{ id: string }>(endDoubled, people);
  if (rows.length > 0) await client.query(cancelWork, [workspaceId, rows.map(({ id }) => id)]);
  await client.query(move, people);
  await client.query(renumber, [workspaceId, survivor]);
}

const hold = `
SELECT FROM enrollments WHERE workspace_id = $1 AND end_user_id IN ($2, $3) ORDER BY id FOR UPDATE`;

const endDoubled = `
WITH theirs AS (
  SELECT e.id, e.series_key, e.state, e.entered_at, e.finished_at, e.end_user_id = $3 AS own,
    coalesce(v.definition -> 'entry', '"once"') AS policy,
    (
      SELECT count(*) FROM deliveries AS d
      WHERE d.workspace_id = $1 AND d.end_user_id = e.end_user_id AND d.enrollment_id = e.id
        AND d.kind = 'send' AND d.state IN ('sending', 'delivered', 'unknown')
    ) AS sent
  FROM enrollments AS e
  JOIN series_versions AS v
    ON v.workspace_id = e.workspace_id AND v.series_key = e.series_key AND v.version = e.version
  WHERE e.workspace_id = $1 AND e.end_user_id IN ($2, $3)
)
UPDATE enrollments AS e
SET state = 'exited', reason = 'joined', finished_at = date_trunc('milliseconds', statement_timestamp())
FROM theirs AS t
WHERE e.workspace_id = $1 AND e.id = t.id AND t.state = 'active' AND EXISTS (
  SELECT FROM theirs AS o
  WHERE o.series_key = t.series_key AND o.own <> t.own AND CASE o.state
    WHEN 'active' THEN (o.sent, o.own) > (t.sent, t.own)
    -- The survivor is in the holdout; that of the one who goes ends with them.
    WHEN 'held_out' THEN o.own
    ELSE CASE
      WHEN t.policy ? 'again_after' THEN o.finished_at
        + ((t.policy -> 'again_after' ->> 0) || ' ' || (t.policy -> 'again_after' ->> 1))::interval > t.entered_at
      ELSE t.policy = '"once"'
    END
  END
)
RETURNING e.id`;

// What a worker holds is left to it: it finds that the person has left.
const cancelWork = `
UPDATE work SET state = 'cancelled', held = false, finished_at = statement_timestamp()
WHERE workspace_id = $1 AND enrollment_id = ANY ($2::bigint[]) AND state IN ('pending', 'enqueued')`;

// Beyond every number that there is and that there will be: at no moment may two entries have the same one.
const move = `
WITH numbered AS (
  SELECT e.id, row_number() OVER (PARTITION BY e.series_key ORDER BY e.entered_at, e.id)
    + max(e.entry) OVER (PARTITION BY e.series_key) + count(*) OVER (PARTITION BY e.series_key) AS entry
  FROM enrollments AS e WHERE e.workspace_id = $1 AND e.end_user_id IN ($2, $3)
)
UPDATE enrollments AS e SET end_user_id = $3, entry = n.entry
FROM numbered AS n WHERE e.workspace_id = $1 AND e.id = n.id`;

const renumber = `
WITH numbered AS (
  SELECT e.id, row_number() OVER (PARTITION BY e.series_key ORDER BY e.entry) AS entry
  FROM enrollments AS e WHERE e.workspace_id = $1 AND e.end_user_id = $2
)
UPDATE enrollments AS e SET entry = n.entry
FROM numbered AS n WHERE e.workspace_id = $1 AND e.id = n.id AND e.entry <> n.entry`;
