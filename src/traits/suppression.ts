import { MusterError, problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { collectKnownId } from './ids.js';
import { atomically, runStatement } from './database.js';
import type { Database } from './database.js';
import { textFault } from './json.js';
import { traitLimits } from './known-traits.js';
import { addOptOuts } from './statements/add-opt-outs.js';
import type { OptOut, OptOutList } from './statements/add-opt-outs.js';
import { collectText } from './text.js';

/**
 * Whom nothing may be sent to. Two lists: suppressions are the workspace's decision (a bounce, a complaint), unsubscribes
 * are the person's wish, from one topic or from all; lifting one never lifts the other. Both are kept by a salted hash of
 * the user id or the e-mail address, so that an entry outlives the person's row and the identifier itself.
 */

/** A person by id, by e-mail address (ASCII case, outer spaces and the way its domain is written do not matter), or by both. At least one is needed. */
export interface Whom {
  readonly workspaceId: string;
  readonly userId?: string | undefined;
  readonly email?: string | undefined;
}

/** A topic of the customer's, such as `product_news`; without it, all topics. */
export interface AboutTopic {
  readonly topic?: string | undefined;
}

export interface Suppress extends Whom {
  /** Why, such as `hard_bounce`; default `manual`. */
  readonly reason?: string | undefined;
  /** Who says so; default `api`. */
  readonly source?: string | undefined;
}

export interface SuppressionEntry {
  readonly kind: 'user_id' | 'email';
  /** Null once the person was erased: only its salted hash is kept. */
  readonly identifier: string | null;
  readonly reason: string;
  readonly source: string;
  readonly at: Date;
}

export interface UnsubscribeEntry extends SuppressionEntry {
  /** Null for all topics. */
  readonly topic: string | null;
}

export interface ListOptions {
  readonly workspaceId: string;
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** Null at the end. */
  readonly next: string | null;
}

/** Bytes of a topic, a reason and a source. */
const textLimit = 200;

/**
 * Nothing is sent to this person any more, on any channel, whether or not they are there now. An entry that is there
 * already keeps its reason. Errors, all at once: `nobody_named` `bad_user_id` `bad_label`.
 *
 * @returns whether any of the identifiers was not on the list
 */
export async function suppress(db: Database, call: Suppress): Promise<{ changed: boolean }> {
  return addOne(db, 'suppressions', call);
}

/** Takes a person off the list of suppressions. Errors as of `suppress`. */
export async function unsuppress(db: Database, call: Whom): Promise<{ changed: boolean }> {
  return change(
    db,
    call.workspaceId,
    `DELETE FROM suppressions AS s WHERE s.workspace_id = $1 AND ${isOneOf('s', 2)}`,
    [call.workspaceId, ...check(call)],
  );
}

/** The person wants nothing more about a topic, or nothing at all. Errors as of `suppress`. */
export async function unsubscribe(db: Database, call: Suppress & AboutTopic): Promise<{ changed: boolean }> {
  return addOne(db, 'unsubscribes', call);
}

/**
 * Takes back the wish about a topic, or, without one, every wish of this person. Who unsubscribed from all topics stays
 * so when one topic is named. Errors as of `suppress`.
 */
export async function resubscribe(db: Database, call: Whom & AboutTopic): Promise<{ changed: boolean }> {
  return change(
    db,
    call.workspaceId,
    `DELETE FROM unsubscribes AS s
     WHERE s.workspace_id = $1 AND ${isOneOf('s', 2)} AND ($4::text IS NULL OR s.topic = $4)`,
    [call.workspaceId, ...check(call), call.topic ?? null],
  );
}

/**
 * Whether a message about this topic, or about none, must not be sent: suppressed, or unsubscribed from all or from the
 * topic, by any of the identifiers given or by the e-mail address that the person of this id has now.
 */
export async function isSuppressed(db: Database, call: Whom & AboutTopic): Promise<boolean> {
  const values = [call.workspaceId, ...check(call), call.topic ?? ''];
  const { rows } = await runStatement<{ suppressed: boolean }>(db, call.workspaceId, {
    text: findSuppressed,
    values: values,
  });
  return rows[0]?.suppressed ?? false;
}

/** Errors: `bad_page`. */
export async function listSuppressed(db: Database, options: ListOptions): Promise<Page<SuppressionEntry>> {
  const { limit, after } = checkPage(options, 2);
  const { rows } = await runStatement<Keyed<SuppressionEntry>>(db, options.workspaceId, {
    text: `SELECT s.kind, s.identifier, s.reason, s.source, s.created_at AS at, encode(s.hash, 'hex') AS hash
       FROM suppressions AS s
       WHERE s.workspace_id = $1 AND (s.kind, s.hash) > ($2, decode($3, 'hex'))
       ORDER BY s.kind, s.hash LIMIT $4`,
    values: [options.workspaceId, after[0], after[1], limit + 1],
  });
  return pageOf(
    rows,
    limit,
    ({ kind, hash }) => [kind, hash],
    ({ kind, identifier, reason, source, at }) => ({ kind, identifier, reason, source, at }),
  );
}

/** Errors: `bad_page`. */
export async function listUnsubscribed(db: Database, options: ListOptions): Promise<Page<UnsubscribeEntry>> {
  const { limit, after } = checkPage(options, 3);
  const { rows } = await runStatement<Keyed<UnsubscribeEntry & { readonly topic: string }>>(
    db,
    options.workspaceId,
    {
      text: `SELECT s.kind, s.identifier, s.topic, s.reason, s.source, s.created_at AS at, encode(s.hash, 'hex') AS hash
       FROM unsubscribes AS s
       WHERE s.workspace_id = $1 AND (s.kind, s.hash, s.topic) > ($2, decode($3, 'hex'), $4)
       ORDER BY s.kind, s.hash, s.topic LIMIT $5`,
      values: [options.workspaceId, after[0], after[1], after[2], limit + 1],
    },
  );
  return pageOf(
    rows,
    limit,
    ({ kind, hash, topic }) => [kind, hash, topic],
    ({ kind, identifier, topic, reason, source, at }) => {
      return { kind, identifier, topic: topic === '' ? null : topic, reason, source, at };
    },
  );
}

type Keyed<T> = T & { readonly hash: string };

/** Whether the row has the hash of the user id or the e-mail address in the two parameters from `first` on. */
function isOneOf(alias: string, first: number): string {
  return `(
    ${alias}.kind = 'user_id' AND ${alias}.hash = muster_identifier_hash($1, 'user_id', $${first})
    OR ${alias}.kind = 'email' AND ${alias}.hash = muster_identifier_hash($1, 'email', $${first + 1})
  )`;
}

/** The user id and the e-mail address, null where not given. */
function check(call: Suppress & AboutTopic): [string | null, string | null] {
  const problems: Problem[] = [];
  collectOptOut(call, problems);
  if (problems.length > 0) throw new MusterError(problems);
  return [call.userId ?? null, call.email ?? null];
}

/** Checks one entry of a list; `under` is the pointer of the object that holds it. */
export function collectOptOut(call: OptOut, problems: Problem[], under = ''): void {
  const { userId, email } = call;
  if (userId === undefined && email === undefined) {
    problems.push(problem('nobody_named', {}, { path: under }));
  }
  if (userId !== undefined) collectKnownId('user_id', userId, problems, under);
  if (email !== undefined) collectText('email', email, problems, traitLimits.textBytes, under);
  for (const key of ['reason', 'source', 'topic'] as const) {
    if (call[key] !== undefined) collectText(key, call[key], problems, textLimit, under);
  }
}

async function addOne(
  db: Database,
  list: OptOutList,
  call: Suppress & AboutTopic,
): Promise<{ changed: boolean }> {
  check(call);
  const [changed = false] = await atomically(db, call.workspaceId, (client) =>
    addOptOuts(client, call.workspaceId, list, [call]),
  );
  return { changed };
}

async function change(
  db: Database,
  workspaceId: string,
  statement: string,
  values: readonly unknown[],
): Promise<{ changed: boolean }> {
  const { rowCount } = await runStatement(db, workspaceId, { text: statement, values: [...values] });
  return { changed: rowCount !== 0 };
}

const findSuppressed = `
SELECT
  EXISTS (SELECT FROM suppressions AS s WHERE s.workspace_id = $1 AND ${isOneOf('s', 2)})
  OR EXISTS (SELECT FROM unsubscribes AS s WHERE s.workspace_id = $1 AND ${isOneOf('s', 2)} AND s.topic IN ('', $4))
  OR EXISTS (
    SELECT FROM end_users AS u
    WHERE u.workspace_id = $1 AND u.user_id = $2 AND muster_suppressed($1, u.id, $4)
  ) AS suppressed`;

interface PageStart {
  readonly limit: number;
  readonly after: readonly string[];
}

function checkPage({ limit = 100, after }: ListOptions, parts: number): PageStart {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    const values = { key: 'limit', expected: 'a whole number from 1 to 1,000', got: String(limit) };
    refuse('bad_page', values, { path: '/limit' });
  }
  if (after === undefined) return { limit, after: ['', '', ''] };
  const key = parsedKey(after);
  if (key === null || key.length !== parts) {
    const values = { key: 'after', expected: 'the `next` of a page', got: 'another text' };
    return refuse('bad_page', values, { path: '/after' });
  }
  return { limit, after: key };
}

function parsedKey(after: string): string[] | null {
  try {
    const key: unknown = JSON.parse(Buffer.from(after, 'base64url').toString());
    if (!Array.isArray(key)) return null;
    const texts = key.filter((part): part is string => typeof part === 'string' && textFault(part) === null);
    return texts.length === key.length && /^(?:[0-9a-f]{2})*$/.test(texts[1] ?? '') ? texts : null;
  } catch {
    return null;
  }
}

function pageOf<Row, Entry>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly string[],
  entryOf: (row: Row) => Entry,
): Page<Entry> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    entries: shown.map(entryOf),
    next: last === undefined ? null : Buffer.from(JSON.stringify(keyOf(last))).toString('base64url'),
  };
}
