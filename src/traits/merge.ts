import { MusterError, problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Client, Pool } from '../database/pool.js';
import { shown } from '../filter/parse/context.js';
import { collectKnownId } from './ids.js';
import { atomically } from './database.js';
import { getUser } from './read.js';
import type { EndUser } from './row.js';
import { makeSalt } from './statements/add-opt-outs.js';
import { joinPeople } from './statements/join-people.js';

export interface MergeUsers {
  readonly workspaceId: string;
  /** The person who stays. */
  readonly userId: string;
  /** The person who becomes part of the first; their id is nobody's afterwards. */
  readonly from: string;
}

/**
 * Makes two known people one. The survivor has both histories and what was missing among their own traits; see `joinPeople`.
 * What either unsubscribed from, the survivor is unsubscribed from. It cannot be undone.
 *
 * A later call that names the id that went makes a new person.
 *
 * Errors, all at once: `bad_user_id`, `merge_same_person`; `no_such_user` for either.
 */
export async function mergeUsers(pool: Pool, call: MergeUsers): Promise<EndUser> {
  const { workspaceId, userId, from } = call;
  const problems: Problem[] = [];
  collectKnownId('user_id', userId, problems);
  collectKnownId('from', from, problems);
  if (problems.length === 0 && userId === from) {
    problems.push(problem('merge_same_person', { user_id: shown(userId) }, { path: '/from' }));
  }
  if (problems.length > 0) throw new MusterError(problems);
  return atomically(pool, workspaceId, async (client) => {
    const [survivor, gone] = await holdBoth(client, call);
    await carryOptOuts(client, workspaceId, gone, userId);
    const joining = { gone: gone.id, anonymousId: 'survivor' } as const;
    await joinPeople(client, workspaceId, { id: survivor.id, userId }, joining);
    return (await getUser(client, { workspaceId, userId })) ?? missing(workspaceId, userId, '/user_id');
  });
}

interface Held {
  readonly id: string;
  readonly user_id: string;
  readonly email: string | null;
}

/** Both rows in the order of their ids, so that two merges of the same people do not wait for each other in a circle. */
async function holdBoth(client: Client, { workspaceId, userId, from }: MergeUsers): Promise<[Held, Held]> {
  const { rows } = await client.query<Held>(
    `SELECT u.id, u.user_id, u.email FROM end_users AS u
     WHERE u.workspace_id = $1 AND u.user_id = ANY ($2::text[]) ORDER BY u.id FOR NO KEY UPDATE`,
    [workspaceId, [userId, from]],
  );
  const named = (id: string, path: string): Held =>
    rows.find((row) => row.user_id === id) ?? missing(workspaceId, id, path);
  return [named(userId, '/user_id'), named(from, '/from')];
}

function missing(workspaceId: string, userId: string, path: string): never {
  return refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId }, { path });
}

/** A wish is the person's, whichever of their identifiers they expressed it by; a bounced address is only that address. */
async function carryOptOuts(client: Client, workspaceId: string, gone: Held, userId: string): Promise<void> {
  await client.query(makeSalt, [workspaceId]);
  const values = [workspaceId, gone.user_id, userId];
  await client.query(carryUnsubscribes, [...values, gone.email]);
  await client.query(carrySuppressions, values);
}

const carryUnsubscribes = `
INSERT INTO unsubscribes (workspace_id, kind, hash, topic, identifier, reason, source, created_at)
SELECT DISTINCT ON (s.topic) $1, 'user_id', muster_identifier_hash($1, 'user_id', $3), s.topic, $3, s.reason, s.source, s.created_at
FROM unsubscribes AS s
WHERE s.workspace_id = $1 AND (
  s.kind = 'user_id' AND s.hash = muster_identifier_hash($1, 'user_id', $2)
  OR s.kind = 'email' AND s.hash = muster_identifier_hash($1, 'email', $4)
)
ORDER BY s.topic, s.created_at
ON CONFLICT (workspace_id, kind, hash, topic) DO NOTHING`;

const carrySuppressions = `
INSERT INTO suppressions (workspace_id, kind, hash, identifier, reason, source, created_at)
SELECT $1, 'user_id', muster_identifier_hash($1, 'user_id', $3), $3, s.reason, s.source, s.created_at
FROM suppressions AS s
WHERE s.workspace_id = $1 AND s.kind = 'user_id' AND s.hash = muster_identifier_hash($1, 'user_id', $2)
ON CONFLICT (workspace_id, kind, hash) DO NOTHING`;
