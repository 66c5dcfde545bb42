import type { Problem } from '../errors/index.js';
import { described } from '../filter/parse/context.js';
import { runStatement } from './database.js';
import type { Database } from './database.js';
import { traitLimits } from './known-traits.js';

/** Something that was sent and not stored. Refusals are about people, so they are erased and exported with them. */
export interface Refusal {
  /** What was called, such as `identify`. */
  readonly call: string;
  readonly code: string;
  /** JSON Pointer into what was sent. */
  readonly path: string;
  readonly message: string;
  /** What stood there: the beginning of its JSON, or what kind of list or object; null where nothing did. */
  readonly value: string | null;
  /** Whether the whole call was lost, or only what stood at the path. */
  readonly whole: boolean;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly message_id: string | null;
}

export interface KeptRefusal extends Refusal {
  readonly id: string;
  readonly at: Date;
}

/** Refusals that one call or item leaves at most; what is wrong beyond them is found once these are mended. */
const mostOfOne = 20;
const longestCall = 100;
const longestMessage = 500;
const longestPath = 500;
const longestValue = 100;

/** What is kept of problems in one call: who it was about, by the ids in it, and what stood where the problems are. */
export function refusalsOf(
  problems: readonly Problem[],
  { call, sent, whole }: { readonly call: string; readonly sent: unknown; readonly whole: boolean },
): Refusal[] {
  const id = (...keys: string[]): string | null => {
    const value = keys.map((key) => partOf(sent, [key])).find((each) => each !== undefined && each !== null);
    if (typeof value !== 'string' && typeof value !== 'number') return null;
    return storable(String(value).trim(), traitLimits.idBytes);
  };
  const who = {
    user_id: id('user_id', 'userId'),
    anonymous_id: id('anonymous_id', 'anonymousId'),
    message_id: id('message_id', 'messageId'),
  };
  return problems.slice(0, mostOfOne).map(({ code, path, message }) => {
    const value = partOf(sent, tokensOf(path));
    return {
      call: storable(call, longestCall),
      code,
      path: storable(path, longestPath),
      message: storable(message, longestMessage),
      value: path === '' || value === undefined ? null : storable(briefly(value), longestValue),
      whole,
      ...who,
    };
  });
}

/** Lists and objects can be too deep and too large to be written out. */
function briefly(value: unknown): string {
  if (typeof value === 'object' && value !== null) return described(value);
  return JSON.stringify(typeof value === 'string' ? value.slice(0, longestValue) : value);
}

function tokensOf(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function partOf(sent: unknown, tokens: readonly string[]): unknown {
  let at: unknown = sent;
  for (const token of tokens) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token)) return undefined;
    at = new Map<string, unknown>(Object.entries(at)).get(token);
  }
  return at;
}

/** A text as the database can hold it, of at most so many characters. */
function storable(text: string, longest: number): string {
  const head = Array.from(text.slice(0, 2 * longest));
  const cut = head.length > longest || text.length > 2 * longest;
  const kept = cut ? `${head.slice(0, longest - 1).join('')}…` : text;
  return kept.replaceAll(/\p{Surrogate}|\0/gu, '\uFFFD');
}

/** Keeps them in one statement. */
export async function keepRefusals(
  db: Database,
  workspaceId: string,
  refusals: readonly Refusal[],
): Promise<void> {
  if (refusals.length === 0) return;
  await runStatement(db, workspaceId, {
    text: insertRefusals,
    values: [workspaceId, JSON.stringify(refusals)],
  });
}

const insertRefusals = `
INSERT INTO ingest_refusals (workspace_id, call, code, path, message, value, whole, user_id, anonymous_id, message_id)
SELECT $1, r.call, r.code, r.path, r.message, r.value, r.whole, r.user_id, r.anonymous_id, r.message_id
FROM ROWS FROM (jsonb_to_recordset($2::jsonb) AS (
  call text, code text, path text, message text, value text, whole boolean, user_id text, anonymous_id text, message_id text
)) WITH ORDINALITY AS r (call, code, path, message, value, whole, user_id, anonymous_id, message_id, place)
ORDER BY r.place`;

export interface WhichRefusals {
  readonly code?: string | undefined;
  readonly userId?: string | undefined;
  readonly anonymousId?: string | undefined;
  /** Only those from this instant on, in milliseconds since 1970 (UTC). */
  readonly since?: number | undefined;
  /** Most of one page, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

/** The newest first. `next` is null on the last page; an `after` that is none begins anew. */
export async function listRefusals(
  db: Database,
  workspaceId: string,
  { code, userId, anonymousId, since, limit = 100, after = '' }: WhichRefusals = {},
): Promise<{ refusals: KeptRefusal[]; next: string | null }> {
  const size = Math.min(Math.max(1, Math.trunc(limit)), 1000);
  const values: unknown[] = [workspaceId, size + 1];
  const asked: readonly (readonly [condition: string, value: unknown])[] = [
    ['r.code =', code],
    ['r.user_id =', userId],
    ['r.anonymous_id =', anonymousId],
    ['r.at >=', since === undefined ? undefined : new Date(since)],
    ['r.id <', /^[0-9]{1,18}$/.test(after) ? after : undefined],
  ];
  const conditions = asked.flatMap(([condition, value]) =>
    value === undefined ? [] : [` AND ${condition} $${values.push(value)}`],
  );
  const { rows } = await runStatement<KeptRefusal>(db, workspaceId, {
    text: `
      SELECT r.id::text, r.at, r.call, r.code, r.path, r.message, r.value, r.whole, r.user_id, r.anonymous_id, r.message_id
      FROM ingest_refusals AS r WHERE r.workspace_id = $1${conditions.join('')}
      ORDER BY r.id DESC LIMIT $2`,
    values,
  });
  const refusals = rows.slice(0, size);
  return { refusals, next: rows.length > size ? (refusals.at(-1)?.id ?? null) : null };
}
