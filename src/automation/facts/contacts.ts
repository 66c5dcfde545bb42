import type { Client, Pool } from '../../database/pool.js';

/** When one person was sent messages. */
export interface ContactQuestion {
  readonly workspace: string;
  readonly endUser: string;
  /** Milliseconds since 1970 (UTC). */
  readonly since: number;
  /** A delivery that does not count: the asker's own, begun by an earlier attempt. */
  readonly except: string | null;
}

/**
 * What counts as a message that a person was sent: it arrived, is on its way, or may have arrived. It counts at the time
 * at which its last attempt began.
 */
export const isContact = (delivery: string): string =>
  `${delivery}.kind = 'send' AND ${delivery}.state IN ('sending', 'delivered', 'unknown')`;

/** The same of somebody whom a broadcast reaches. */
const isReached = (recipient: string): string => `${recipient}.state IN ('sending', 'sent', 'unknown')`;

/**
 * The one place that says which messages somebody was sent, by series and by broadcasts: a SELECT of `at` and `delivery` (NULL
 * of a broadcast's) over one person, after an instant. All three are expressions of the statement around it.
 */
export const contactsOfPerson = (workspace: string, person: string, since: string): string => `
  SELECT d.attempted_at AS at, d.id AS delivery FROM deliveries d
  WHERE d.workspace_id = ${workspace} AND d.end_user_id = ${person} AND d.attempted_at > ${since} AND ${isContact('d')}
  UNION ALL
  SELECT r.attempted_at, NULL FROM broadcast_recipients r
  WHERE r.workspace_id = ${workspace} AND r.end_user_id = ${person} AND r.attempted_at > ${since} AND ${isReached('r')}`;

/** The same of everybody in a workspace, with `end_user_id`. Only broadcasts that were still sending then are looked at. */
export const contactsOfAll = (workspace: string, since: string): string => `
  SELECT d.end_user_id, d.attempted_at AS at FROM deliveries d
  WHERE d.workspace_id = ${workspace} AND d.attempted_at > ${since} AND ${isContact('d')}
  UNION ALL
  SELECT r.end_user_id, r.attempted_at FROM broadcast_runs run
  JOIN broadcast_recipients r ON r.workspace_id = run.workspace_id AND r.run_id = run.id
  WHERE run.workspace_id = ${workspace} AND (run.finished_at IS NULL OR run.finished_at > ${since})
    AND r.attempted_at > ${since} AND ${isReached('r')}`;

/** The times of the contacts that are asked about, in milliseconds since 1970 (UTC), in the order of the questions. */
export async function readContacts(
  db: Client | Pool,
  questions: readonly ContactQuestion[],
): Promise<(readonly number[])[]> {
  if (questions.length === 0) return [];
  const { rows } = await db.query<{ times: number[] }>(answerQuestions, [
    questions.map((question) => question.workspace),
    questions.map((question) => question.endUser),
    questions.map(({ since }) => new Date(since).toISOString()),
    questions.map((question) => question.except),
  ]);
  return rows.map((row) => row.times);
}

const answerQuestions = `
  SELECT ARRAY(
    SELECT floor(extract(epoch FROM contact.at) * 1000)::double precision
    FROM (${contactsOfPerson('question.workspace_id', 'question.end_user_id', 'question.since')}) AS contact
    WHERE question.own IS NULL OR contact.delivery IS DISTINCT FROM question.own
    ORDER BY contact.at
  ) AS times
  FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::uuid[]) WITH ORDINALITY
    AS question (workspace_id, end_user_id, since, own, place)
  ORDER BY question.place`;
