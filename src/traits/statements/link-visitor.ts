import type { Client } from '../../database/pool.js';

/**
 * Notes the anonymous id on the person's row when the row has none and no other row uses it.
 *
 * Fails with a unique violation when another transaction takes the anonymous id at the same moment.
 */
export async function linkVisitor(
  client: Client,
  workspaceId: string,
  userId: string,
  anonymousId: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE end_users AS u SET anonymous_id = $3
     WHERE u.workspace_id = $1 AND u.user_id = $2 AND u.anonymous_id IS NULL
       AND NOT EXISTS (SELECT FROM end_users AS o WHERE o.workspace_id = $1 AND o.anonymous_id = $3)`,
    [workspaceId, userId, anonymousId],
  );
  return rowCount === 1;
}
