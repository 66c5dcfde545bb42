import type { Client } from '../../database/pool.js';

/**
 * Notes the anonymous id on the person's row, in place of an older one, when no other row uses it. What could not be stored of
 * the visits under the older one gets the person's user id, by which it is still found.
 *
 * Fails with a unique violation when another transaction takes the anonymous id at the same moment.
 *
 * @returns `somebody` where it is another person's, `visitor` where a visitor's row has come up meanwhile
 */
export async function linkVisitor(
  client: Client,
  workspaceId: string,
  userId: string,
  anonymousId: string,
): Promise<'linked' | 'somebody' | 'visitor'> {
  const { rowCount } = await client.query(
    `WITH claimed AS (
       UPDATE ingest_refusals AS r SET user_id = $2 FROM end_users AS u
       WHERE u.workspace_id = $1 AND u.user_id = $2 AND r.workspace_id = $1 AND r.user_id IS NULL
         AND r.anonymous_id = u.anonymous_id
     )
     UPDATE end_users AS u SET anonymous_id = $3
     WHERE u.workspace_id = $1 AND u.user_id = $2
       AND NOT EXISTS (SELECT FROM end_users AS o WHERE o.workspace_id = $1 AND o.anonymous_id = $3)`,
    [workspaceId, userId, anonymousId],
  );
  if (rowCount === 1) return 'linked';
  const { rows } = await client.query<{ user_id: string | null }>(
    'SELECT o.user_id FROM end_users AS o WHERE o.workspace_id = $1 AND o.anonymous_id = $2',
    [workspaceId, anonymousId],
  );
  const [other] = rows;
  return other === undefined || other.user_id === null ? 'visitor' : 'somebody';
}
