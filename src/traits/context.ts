import { MusterError, problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { atomically, runStatement } from './database.js';
import type { Database } from './database.js';
import { checkJson, textFault } from './json.js';
import type { WhichUser } from './read.js';
import { collectKnownId } from './ids.js';
import { collectText } from './text.js';

/** Structured data about one person beside their traits, for an assistant's prompt. */
export interface ContextEntry {
  readonly key: string;
  /** Any JSON. */
  readonly value: unknown;
  readonly updated_at: Date;
}

export const contextLimits = {
  /** UTF-8 bytes of one entry as JSON. */
  entryBytes: 16_384,
  /** Entries of one person. */
  entries: 64,
  /** UTF-8 bytes of a key. */
  keyBytes: 256,
} as const;

export interface SetContextEntry extends WhichUser {
  readonly key: string;
  /** Any JSON, null included; it takes the place of an earlier value whole. */
  readonly value: unknown;
}

/**
 * Sets one entry of a person who is there. It is no visit: `last_seen` does not move.
 *
 * Errors: `no_such_user` `bad_user_id` `bad_label` (the key) `trait_not_json` and its kin `context_entry_too_large`
 * `too_many_context_entries`; nothing is written.
 */
export async function setContextEntry(db: Database, call: SetContextEntry): Promise<ContextEntry> {
  const { workspaceId, userId, key } = call;
  const json = checkedJson(call);
  return atomically(db, workspaceId, async (client) => {
    // Held, so that two calls at once cannot both find room for the last entry.
    const { rows: people } = await client.query<{ id: string }>(
      'SELECT u.id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2 FOR NO KEY UPDATE',
      [workspaceId, userId],
    );
    const [person] = people;
    if (person === undefined) return refuse('no_such_user', { user_id: userId, workspace: workspaceId });
    const { rows } = await client.query<ContextEntry>(setEntry, [
      workspaceId,
      person.id,
      key,
      json,
      contextLimits.entries,
    ]);
    const [entry] = rows;
    return entry ?? refuse('too_many_context_entries', { limit: contextLimits.entries });
  });
}

const setEntry = `
INSERT INTO context_entries AS c (workspace_id, end_user_id, key, value)
SELECT $1, $2, $3, $4::jsonb
WHERE EXISTS (SELECT FROM context_entries AS o WHERE o.workspace_id = $1 AND o.end_user_id = $2 AND o.key = $3)
  OR (SELECT count(*) FROM context_entries AS o WHERE o.workspace_id = $1 AND o.end_user_id = $2) < $5
ON CONFLICT (workspace_id, end_user_id, key)
  DO UPDATE SET value = EXCLUDED.value, updated_at = date_trunc('milliseconds', now())
RETURNING c.key, c.value, c.updated_at`;

function checkedJson({ userId, key, value }: SetContextEntry): string {
  const problems: Problem[] = [];
  collectKnownId('user_id', userId, problems);
  collectText('key', key, problems, contextLimits.keyBytes);
  if (checkJson(value, 'value', '/value', problems)) {
    const json = JSON.stringify(value ?? null);
    const count = Buffer.byteLength(json);
    if (count > contextLimits.entryBytes) {
      const values = { key: 'value', count, limit: contextLimits.entryBytes };
      problems.push(problem('context_entry_too_large', values, { path: '/value' }));
    }
    if (problems.length === 0) return json;
  }
  throw new MusterError(problems);
}

/** Answers whether there was one. */
export async function deleteContextEntry(
  db: Database,
  call: WhichUser & { readonly key: string },
): Promise<{ deleted: boolean }> {
  if (textFault(call.userId) !== null || textFault(call.key) !== null) return { deleted: false };
  const { rowCount } = await runStatement(db, call.workspaceId, {
    text: `DELETE FROM context_entries AS c USING end_users AS u
      WHERE u.workspace_id = $1 AND u.user_id = $2
        AND c.workspace_id = $1 AND c.end_user_id = u.id AND c.key = $3`,
    values: [call.workspaceId, call.userId, call.key],
  });
  return { deleted: rowCount === 1 };
}

/** In the order of their keys; none for a person who is not there. */
export async function listContextEntries(db: Database, which: WhichUser): Promise<ContextEntry[]> {
  if (textFault(which.userId) !== null) return [];
  const { rows } = await runStatement<ContextEntry>(db, which.workspaceId, {
    text: `SELECT c.key, c.value, c.updated_at
      FROM end_users AS u JOIN context_entries AS c ON c.workspace_id = $1 AND c.end_user_id = u.id
      WHERE u.workspace_id = $1 AND u.user_id = $2
      ORDER BY c.key`,
    values: [which.workspaceId, which.userId],
  });
  return rows;
}
