import { MusterError } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Client, Pool } from '../database/pool.js';
import { collectKnownId } from './ids.js';
import { atomically } from './database.js';
import { makeSalt } from './statements/add-opt-outs.js';

export interface EraseUser {
  readonly workspaceId: string;
  readonly userId: string;
  /** Whether nothing may be sent to this person should they come back, even where nothing forbade it before. */
  readonly suppress?: boolean | undefined;
}

/**
 * Erases a person and everything about them: traits, events, enrolments with their work, deliveries, inbox, context
 * entries, what could not be stored of them, and what waits in the outbox. In the same transaction a tombstone takes their place: salted hashes of the
 * user id and the e-mail address, without either.
 *
 * What forbade sending stays in force. A suppression or an unsubscription of the id or the address is kept for both,
 * by hash, so that a person who comes back under either finds it; only its plain identifier goes. They may come back:
 * identify, backfill and import make a new row, which is suppressed from its first moment. With `suppress`, so is a
 * person whom nothing forbade to send to, also where no such person is there (any more).
 *
 * Not reached: what a channel has already been given, visitors' rows that never joined this person, the ids of messages
 * received (which keep a late repeat from bringing an event back), backups.
 *
 * Errors: `bad_user_id`.
 *
 * @returns whether there was such a person
 */
export async function eraseUser(pool: Pool, call: EraseUser): Promise<{ erased: boolean }> {
  const problems: Problem[] = [];
  collectKnownId('user_id', call.userId, problems);
  if (problems.length > 0) throw new MusterError(problems);
  return atomically(pool, call.workspaceId, (client) => erase(client, call));
}

async function erase(
  client: Client,
  { workspaceId, userId, suppress }: EraseUser,
): Promise<{ erased: boolean }> {
  await client.query(makeSalt, [workspaceId]);
  // Not the strongest lock yet: whoever holds a row of the outbox still needs the person's key, and then lets go of both.
  const { rows } = await client.query<{ id: string; email: string | null; anonymous_id: string | null }>(
    `SELECT u.id, u.email, u.anonymous_id FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2 FOR NO KEY UPDATE`,
    [workspaceId, userId],
  );
  const [person] = rows;
  const identity = [workspaceId, userId, person?.email ?? null];
  for (const statement of keepProhibitions) await client.query(statement, identity);
  if (suppress === true) await client.query(suppressErased, identity);
  // Also where there is no such person: everything that was sent of them may have been refused.
  await client.query(removeRefusals, [workspaceId, userId, person?.anonymous_id ?? null]);
  if (person === undefined) return { erased: false };
  await client.query(leaveTombstone, identity);
  for (const statement of removeRecords) await client.query(statement, [workspaceId, person.id]);
  return { erased: true };
}

const hashed = `
  SELECT known.kind, muster_identifier_hash($1, known.kind, known.identifier) AS hash
  FROM (VALUES ('email', $3::text), ('user_id', $2::text)) AS known (kind, identifier)
  WHERE known.identifier IS NOT NULL`;

const keepProhibitions = [
  `WITH hashed AS (${hashed})
   INSERT INTO suppressions (workspace_id, kind, hash, reason, source, created_at)
   SELECT DISTINCT ON (h.kind) $1, h.kind, h.hash, s.reason, s.source, s.created_at
   FROM suppressions AS s
   JOIN hashed AS found ON found.kind = s.kind AND found.hash = s.hash
   CROSS JOIN hashed AS h
   WHERE s.workspace_id = $1
   ORDER BY h.kind, s.created_at
   ON CONFLICT (workspace_id, kind, hash) DO UPDATE SET identifier = NULL`,
  `WITH hashed AS (${hashed})
   INSERT INTO unsubscribes (workspace_id, kind, hash, topic, reason, source, created_at)
   SELECT DISTINCT ON (h.kind, s.topic) $1, h.kind, h.hash, s.topic, s.reason, s.source, s.created_at
   FROM unsubscribes AS s
   JOIN hashed AS found ON found.kind = s.kind AND found.hash = s.hash
   CROSS JOIN hashed AS h
   WHERE s.workspace_id = $1
   ORDER BY h.kind, s.topic, s.created_at
   ON CONFLICT (workspace_id, kind, hash, topic) DO UPDATE SET identifier = NULL`,
];

const suppressErased = `
WITH hashed AS (${hashed})
INSERT INTO suppressions (workspace_id, kind, hash, reason, source)
SELECT $1, h.kind, h.hash, 'erased', 'erasure' FROM hashed AS h ORDER BY h.kind
ON CONFLICT (workspace_id, kind, hash) DO NOTHING`;

const removeRefusals = `
DELETE FROM ingest_refusals AS r WHERE r.workspace_id = $1
  AND (r.user_id = $2 OR r.user_id IS NULL AND r.anonymous_id = $3)`;

const leaveTombstone = `
WITH hashed AS (${hashed})
INSERT INTO tombstones (workspace_id, kind, hash)
SELECT $1, h.kind, h.hash FROM hashed AS h ORDER BY h.kind
ON CONFLICT (workspace_id, kind, hash) DO UPDATE SET erased_at = EXCLUDED.erased_at`;

// The rest (enrolments with their work, deliveries, inbox, context entries) goes with the person's row, by cascade; rows of
// broadcasts stay counted and forget whose they were.
const removeRecords = [
  'DELETE FROM outbox WHERE workspace_id = $1 AND end_user_id = $2',
  'DELETE FROM events WHERE workspace_id = $1 AND end_user_id = $2',
  'DELETE FROM end_users WHERE workspace_id = $1 AND id = $2',
];
