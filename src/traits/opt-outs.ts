import { problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { child, described, isList, isObject, shown } from '../filter/parse/context.js';
import { atomically } from './database.js';
import type { Database } from './database.js';
import { addOptOuts } from './statements/add-opt-outs.js';
import type { OptOut, OptOutList } from './statements/add-opt-outs.js';
import { trimmedId } from './ids.js';
import { collectOptOut } from './suppression.js';

export interface AddMany {
  readonly workspaceId: string;
  readonly list: OptOutList;
  /** Up to 1,000 of `{ user_id?, email?, reason?, source?, topic? }`; `topic` in unsubscribes only. */
  readonly entries: unknown;
}

export interface AddResult {
  readonly status: 'added' | 'present' | 'rejected';
  /** The first thing that is wrong with a rejected entry; its path begins with `/entries/INDEX`. */
  readonly error?: Problem;
}

/** Entries of one call. */
export const mostOptOuts = 1000;

/**
 * Adds many people to a list of those who nothing is sent to, in one transaction. An entry that is refused is reported and the
 * rest is added; results stand in the order of the entries. What is on the list already stays as it is.
 *
 * Errors: `entries_not_list`, `too_many_entries`; those of one entry are in its result.
 */
export async function addManyOptOuts(
  db: Database,
  { workspaceId, list, entries }: AddMany,
): Promise<AddResult[]> {
  if (!isList(entries)) refuse('entries_not_list', { got: described(entries) }, { path: '/entries' });
  if (entries.length > mostOptOuts) {
    refuse('too_many_entries', { count: entries.length, limit: mostOptOuts }, { path: '/entries' });
  }
  const read = entries.map((entry, index) => entryOf(entry, list, `/entries/${index}`));
  const good = read.filter((each): each is OptOut => !('code' in each));
  const added =
    good.length === 0
      ? []
      : await atomically(db, workspaceId, (client) => addOptOuts(client, workspaceId, list, good));
  const answers = added[Symbol.iterator]();
  return read.map((each): AddResult => {
    if ('code' in each) return { status: 'rejected', error: each };
    return { status: answers.next().value === true ? 'added' : 'present' };
  });
}

function entryOf(entry: unknown, list: OptOutList, path: string): OptOut | Problem {
  if (!isObject(entry)) return problem('entry_not_object', { got: described(entry) }, { path });
  const allowed = ['user_id', 'email', 'reason', 'source', ...(list === 'unsubscribes' ? ['topic'] : [])];
  const problems = Object.keys(entry)
    .filter((key) => !allowed.includes(key))
    .map((key) => {
      const values = { key: shown(key), allowed: allowed.join(', ') };
      return problem('entry_unknown_key', values, { path: child(path, key) });
    });
  const text = (key: string): string | undefined => {
    const value = Object.hasOwn(entry, key) ? entry[key] : undefined;
    if (value === undefined || typeof value === 'string') return value;
    problems.push(
      problem('bad_label', { key, expected: 'text', got: described(value) }, { path: child(path, key) }),
    );
    return undefined;
  };
  const [userId, email, reason, source, topic] = ['user_id', 'email', 'reason', 'source', 'topic'].map(text);
  // People are stored under trimmed ids.
  const read = { userId: userId === undefined ? undefined : trimmedId(userId), email, reason, source, topic };
  if (problems.length === 0) collectOptOut(read, problems, path);
  return problems[0] ?? read;
}
