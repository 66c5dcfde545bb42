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
    SELECT floor(extract(epoch FROM d.attempted_at) * 1000)::double precision FROM deliveries d
    WHERE d.workspace_id = question.workspace_id AND d.end_user_id = question.end_user_id
      AND d.attempted_at > question.since AND ${isContact('d')} AND d.id IS DISTINCT FROM question.own
    ORDER BY d.attempted_at
  ) AS times
  FROM unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::uuid[]) WITH ORDINALITY
    AS question (workspace_id, end_user_id, since, own, place)
  ORDER BY question.place`;
