import { runStatement } from '../database.js';
import type { Database } from '../database.js';

/** The people that anonymous ids stand for now: user ids by anonymous id. Visitors who are nobody yet are not in it. */
export async function linkedPeople(
  db: Database,
  workspaceId: string,
  anonymousIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await runStatement<{ anonymous_id: string; user_id: string }>(db, workspaceId, {
    text: `SELECT u.anonymous_id, u.user_id FROM end_users AS u
       WHERE u.workspace_id = $1 AND u.anonymous_id = ANY ($2::text[]) AND u.user_id IS NOT NULL`,
    values: [workspaceId, anonymousIds],
  });
  return new Map(rows.map((row) => [row.anonymous_id, row.user_id]));
}
