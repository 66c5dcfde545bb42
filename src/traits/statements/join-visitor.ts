import type { Client } from '../../database/pool.js';
import { joinPeople } from './join-people.js';

/**
 * Merges a visitor's row, which this transaction holds, into the row of a person who has one already. The visitor's anonymous
 * id stands on the person's from then on.
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
  const id = rows[0]?.id;
  if (id === undefined) return false;
  await joinPeople(client, workspaceId, { id, userId }, { gone: visitor, anonymousId: 'gone' });
  return true;
}
