import { MusterError, problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import type { Pool } from '../database/pool.js';
import { child, described, isList, isObject, shown } from '../filter/parse/context.js';
import { noteTraitsSent, sentKeys } from './catalogue/sent.js';
import { collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import { atomically } from './database.js';
import type { Database } from './database.js';
import { collectId } from './ids.js';
import { knownTraitNames } from './known-traits.js';
import { getUser } from './read.js';
import type { EndUser } from './row.js';
import { mergeBatch } from './statements/merge-batch.js';
import type { BatchPerson } from './statements/merge-batch.js';

export interface BackfillUser {
  readonly workspaceId: string;
  readonly userId: string;
  readonly traits?: unknown;
  /** Whether a person whom this call makes is announced as `user_created`; default false. */
  readonly fireTriggers?: boolean | undefined;
}

export interface Backfilled {
  readonly user: EndUser;
  readonly created: boolean;
}

/**
 * Creates or updates a person without a visit: traits merge as in `identify`, but `first_seen` and `last_seen` do not
 * move. `user_created` is written only when asked and only by the call that makes the row; a person whom a backfill made
 * silently is not announced by a later identify either, since it finds them there.
 *
 * Errors, all at once and before anything is written: `bad_user_id`, `id_missing_value` and those of `checkTraits`.
 */
export async function backfillUser(db: Database, call: BackfillUser): Promise<Backfilled> {
  const problems: Problem[] = [];
  const userId = collectId('user_id', call.userId, problems);
  const traits = collectTraits(call.traits, problems);
  if (problems.length > 0) throw new MusterError(problems);
  const { workspaceId } = call;
  return atomically(db, workspaceId, async (client) => {
    const people = [personOf(userId, traits)];
    const created = await mergeBatch(client, workspaceId, people, call.fireTriggers ?? false);
    // The merge holds the row, so that nobody can delete it before this.
    const user = await getUser(client, { workspaceId, userId });
    if (user === null) throw new Error('an upsert left no row');
    await noteTraitsSent(client, workspaceId, 'user', sentKeys(traits));
    return { user, created: created.has(userId) };
  });
}

export interface BackfillUsers {
  readonly workspaceId: string;
  /** Up to 1,000 of `{ user_id, traits }`. */
  readonly users: unknown;
  readonly fireTriggers?: boolean | undefined;
}

export interface BackfillResult {
  /** The trimmed id; of a rejected item as it was sent, null where it is not a text. */
  readonly user_id: string | null;
  readonly status: 'created' | 'updated' | 'rejected';
  /** The first thing that is wrong with a rejected item; its path begins with `/users/INDEX`. */
  readonly error?: Problem;
}

/** Items of one batch. */
export const mostBackfilled = 1000;

/**
 * Creates or updates up to 1,000 people, as `backfillUser` does, in one transaction. An item that is refused is reported
 * and the rest is written; results stand in the order of the items. Of several items about one person all apply, in
 * order, and only the first can say `created`.
 *
 * Errors: `users_not_list`, `too_many_users`; those of one item are in its result.
 */
export async function backfillUsers(pool: Pool, call: BackfillUsers): Promise<{ results: BackfillResult[] }> {
  const { users } = call;
  if (!isList(users)) refuse('users_not_list', { got: described(users) }, { path: '/users' });
  if (users.length > mostBackfilled) {
    refuse('too_many_users', { count: users.length, limit: mostBackfilled }, { path: '/users' });
  }
  const items = users.map((item, index) => itemOf(item, `/users/${index}`));
  const traitsOf = new Map<string, CheckedTraits>();
  for (const item of items) {
    if ('problem' in item) continue;
    const earlier = traitsOf.get(item.userId);
    traitsOf.set(item.userId, earlier === undefined ? item.traits : overlay(earlier, item.traits));
  }
  const write = async (people: readonly BatchPerson[]): Promise<Set<string>> =>
    atomically(pool, call.workspaceId, (client) =>
      mergeBatch(client, call.workspaceId, people, call.fireTriggers ?? false),
    );
  const people = Array.from(traitsOf, ([userId, traits]) => personOf(userId, traits));
  const created = people.length === 0 ? new Set<string>() : await write(people);
  await noteTraitsSent(pool, call.workspaceId, 'user', new Set([...traitsOf.values()].flatMap(sentKeys)));
  const results = items.map((item): BackfillResult => {
    if ('problem' in item) return { user_id: item.userId, status: 'rejected', error: item.problem };
    return { user_id: item.userId, status: created.delete(item.userId) ? 'created' : 'updated' };
  });
  return { results };
}

/** What two items about one person leave: each trait has its last word, as if they had come one by one. */
function overlay(earlier: CheckedTraits, later: CheckedTraits): CheckedTraits {
  const gone = new Set(later.removed);
  const custom: Record<string, unknown> = { __proto__: null };
  for (const [key, value] of Object.entries(earlier.custom)) if (!gone.has(key)) custom[key] = value;
  return {
    columns: { ...earlier.columns, ...later.columns },
    custom: Object.assign(custom, later.custom),
    removed: [...earlier.removed.filter((key) => !Object.hasOwn(later.custom, key)), ...gone],
  };
}

type Item =
  | { readonly userId: string; readonly traits: CheckedTraits }
  | { readonly userId: string | null; readonly problem: Problem };

function itemOf(item: unknown, path: string): Item {
  if (!isObject(item)) {
    return { userId: null, problem: problem('user_not_object', { got: described(item) }, { path }) };
  }
  const problems: Problem[] = [];
  const read = (key: string): unknown => (Object.hasOwn(item, key) ? item[key] : undefined);
  const userId = collectId('user_id', read('user_id'), problems, path);
  for (const key of Object.keys(item)) {
    // A trait beside `traits` would be lost without a word.
    if (key !== 'user_id' && key !== 'traits') {
      problems.push(problem('row_unknown_key', { key: shown(key) }, { path: child(path, key) }));
    }
  }
  const traits = collectTraits(read('traits'), problems, { path: `${path}/traits` });
  const [first] = problems;
  if (first !== undefined) {
    const sent = read('user_id');
    return { userId: typeof sent === 'string' ? sent : null, problem: first };
  }
  return { userId, traits };
}

function personOf(userId: string, { columns, custom, removed }: CheckedTraits): BatchPerson {
  const emptied = knownTraitNames.filter((name) => columns[name] === null);
  return {
    userId,
    columns: knownTraitNames.map((name) => {
      const value = columns[name];
      return value === undefined || value === null ? null : String(value);
    }),
    custom: JSON.stringify(custom),
    emptied: emptied.length === 0 ? null : emptied,
    removed: removed.length === 0 ? null : removed,
  };
}
