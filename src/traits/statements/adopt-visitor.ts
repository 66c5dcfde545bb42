import type { Client } from '../../database/pool.js';

/**
 * Gives a visitor's row the user id of a person who has no row yet.
 *
 * Fails with a unique violation when another transaction creates that person's row at the same moment.
 *
 * @returns whether the visitor is now that person
 */
export async function adoptVisitor(
  client: Client,
  workspaceId: string,
  userId: string,
  visitor: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE end_users AS u SET user_id = $2
     WHERE u.workspace_id = $1 AND u.id = $3 AND u.user_id IS NULL
       AND NOT EXISTS (SELECT FROM end_users AS o WHERE o.workspace_id = $1 AND o.user_id = $2)`,
    [workspaceId, userId, visitor],
  );
  return rowCount === 1;
}
