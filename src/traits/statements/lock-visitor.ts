import type { Client } from '../../database/pool.js';

/**
 * Finds the row of a visitor who is nobody yet, and holds it until the transaction ends. A row that has a user id is not
 * locked: two calls that each name the other's visitor would wait for each other in a circle. Rows that refer to the
 * visitor can still be written.
 *
 * @returns the row's internal id, or null
 */
export async function lockVisitor(
  client: Client,
  workspaceId: string,
  anonymousId: string,
): Promise<string | null> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT u.id FROM end_users AS u
     WHERE u.workspace_id = $1 AND u.anonymous_id = $2 AND u.user_id IS NULL
     FOR NO KEY UPDATE`,
    [workspaceId, anonymousId],
  );
  return rows[0]?.id ?? null;
}
