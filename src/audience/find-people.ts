import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import type { Moment } from '../filter/time.js';
import type { Filter } from '../filter/tree.js';
import { textFault } from '../traits/json.js';
import { inSnapshot } from './people.js';
import type { AudienceParts, People } from './people.js';

/** A person as a list of people shows them. */
export interface FoundPerson {
  readonly id: string;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly company_id: string | null;
  readonly signed_up_at: Date | null;
  readonly created_at: Date;
  readonly last_seen: Date | null;
}

export interface FindPeople {
  readonly workspaceId: string;
  /** A whole id or e-mail address, or words of which each stands somewhere in the id, the address or the name. */
  readonly search?: string | undefined;
  /** Only those who match. */
  readonly filter?: Filter | undefined;
  readonly moment: Moment;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  /** Milliseconds that the search may take; default 10,000. */
  readonly timeoutMs?: number;
}

export interface PeoplePage {
  readonly users: FoundPerson[];
  /** What brings the next page as `after`; null on the last one. */
  readonly next: string | null;
}

export const longestSearch = 200;
const mostWords = 8;

/**
 * People by id, e-mail address or name, page by page: who has exactly that id first, then who has exactly that address, then
 * everybody else in an order that stays. Letter case does not count, but in ids as a whole. Without a search: everybody.
 *
 * Errors: `bad_search`, `bad_page`, `audience_timeout`.
 */
export async function findPeople(pool: Pool, find: FindPeople): Promise<PeoplePage> {
  const { workspaceId, moment, limit = 100, after, timeoutMs = 10_000 } = find;
  const text = find.search?.trim() ?? '';
  if (text.length > longestSearch || textFault(text) !== null)
    refuse('bad_search', { limit: longestSearch }, { path: '/search' });
  const from = after === undefined ? null : placeIn(after);
  const filter = find.filter ?? everyone;
  const size = limit + 1;
  const rows = await inSnapshot(pool, { workspaceId, moment, timeoutMs }, async (people) => {
    if (text === '') return people.over<Row>(filter, (parts) => everybody(parts, from, size));
    const exact =
      from?.rank === 2 ? [] : await people.over<Row>(filter, (parts) => whoHas(parts, text, from, size));
    if (exact.length === size) return exact;
    return [...exact, ...(await whoContains(people, filter, text, from, size - exact.length))];
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    users: page.map(({ rank: _rank, ...person }) => person),
    next: last === undefined || rows.length <= limit ? null : `${last.rank}.${last.id}`,
  };
}

const everyone: Filter = { kind: 'everyone', path: '' };

interface Place {
  readonly rank: number;
  readonly id: string;
}

interface Row extends FoundPerson {
  readonly rank: number;
}

function placeIn(after: string): Place {
  const [, rank, id] = /^([0-2])\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(after) ?? [];
  if (rank === undefined || id === undefined) {
    const values = { key: 'after', expected: 'the `next` of a page', got: 'another text' };
    return refuse('bad_page', values, { path: '/after' });
  }
  return { rank: Number(rank), id };
}

const columns =
  'u.id, u.user_id, u.anonymous_id, u.name, u.email, u.company_id, u.signed_up_at, u.created_at, u.last_seen';

const idText = (id: string, from: Place | null, rank: number, { bind }: AudienceParts): string =>
  from === null || from.rank < rank ? '' : ` AND ${id} > ${bind(from.id)}::uuid`;

function everybody(parts: AudienceParts, from: Place | null, size: number): string {
  return `SELECT 2 AS rank, ${columns} FROM end_users u WHERE ${parts.where}${idText('u.id', from, 2, parts)}
    ORDER BY u.id LIMIT ${parts.bind(size)}::integer`;
}

const isId = (whole: string): string => `(u.user_id = ${whole} OR u.anonymous_id = ${whole})`;
const isAddress = (whole: string): string => `lower(u.email) = lower(${whole} COLLATE "C")`;

/** Who has exactly that id, then who has exactly that address; each by its own index. */
function whoHas(parts: AudienceParts, text: string, from: Place | null, size: number): string {
  const whole = parts.bind(text);
  const ranks = [
    { rank: 0, condition: isId(whole) },
    { rank: 1, condition: `${isAddress(whole)} AND ${isId(whole)} IS NOT TRUE` },
  ].filter(({ rank }) => from === null || from.rank <= rank);
  const each = ranks.map(
    ({ rank, condition }) => `(SELECT ${rank} AS rank, ${columns} FROM end_users u
      WHERE ${parts.where} AND ${condition}${idText('u.id', from, rank, parts)}
      ORDER BY u.id LIMIT ${parts.bind(size)}::integer)`,
  );
  return `SELECT * FROM (${each.join(' UNION ALL ')}) AS found ORDER BY rank, id LIMIT ${parts.bind(size)}::integer`;
}

/** Of so many people who have the words all are looked at; where more have them, the next page is met soon in any order. */
const mostGathered = 2000;

/**
 * The planner knows nothing of how common a part of a text is. So the index gathers who has the words, up to a bound; behind it
 * people are gone through in the order of the pages.
 */
async function whoContains(
  people: People,
  filter: Filter,
  text: string,
  from: Place | null,
  size: number,
): Promise<Row[]> {
  const words = text.split(/\s+/).slice(0, mostWords).map(patternOf);
  const has = ({ bind }: AudienceParts): string =>
    words.map((word) => `s.text LIKE muster_search_text(${bind(word)})`).join(' AND ');
  const gathered = await people.over<{ id: string }>(
    everyone,
    (parts) => `SELECT s.end_user_id AS id FROM people_search s
      WHERE s.workspace_id = ${parts.workspace} AND ${has(parts)} LIMIT ${mostGathered + 1}`,
  );
  const found = (parts: AudienceParts, who: string): string => {
    const whole = parts.bind(text);
    return `SELECT 2 AS rank, ${columns} FROM ${who}
      WHERE ${parts.where} AND ${isId(whole)} IS NOT TRUE AND (${isAddress(whole)}) IS NOT TRUE`;
  };
  if (gathered.length <= mostGathered) {
    const ids = gathered.map(({ id }) => id);
    return people.over<Row>(
      filter,
      (
        parts,
      ) => `${found(parts, 'end_users u')} AND u.id = ANY (${parts.bind(ids)}::uuid[])${idText('u.id', from, 2, parts)}
        ORDER BY u.id LIMIT ${parts.bind(size)}::integer`,
    );
  }
  return people.over<Row>(
    filter,
    (parts) =>
      `${found(
        parts,
        `(SELECT s.end_user_id FROM people_search s
        WHERE s.workspace_id = ${parts.workspace} AND ${has(parts)}${idText('s.end_user_id', from, 2, parts)}
        ORDER BY s.end_user_id OFFSET 0) AS s
       CROSS JOIN LATERAL (
         SELECT * FROM end_users u WHERE u.workspace_id = ${parts.workspace} AND u.id = s.end_user_id OFFSET 0
       ) AS u`,
      )} ORDER BY s.end_user_id LIMIT ${parts.bind(size)}::integer`,
    ['bitmapscan', 'seqscan', 'sort'],
  );
}

/** A short word is only looked for at the beginnings of words: an index of three letters has nothing shorter. */
function patternOf(word: string): string {
  const plain = word.replaceAll(/[\\%_]/g, String.raw`\$&`);
  return Array.from(word).length < 3 ? `% ${plain}%` : `%${plain}%`;
}
