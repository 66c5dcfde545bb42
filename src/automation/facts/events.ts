import type { Client, Pool } from '../../database/pool.js';
import type { EventRecord } from '../../filter/record.js';

/** One person's events of one name. */
export interface EventQuestion {
  readonly workspace: string;
  readonly endUser: string;
  readonly event: string;
  /** Milliseconds since 1970 (UTC); null for all there ever were. */
  readonly since: number | null;
}

/** Events of one name and person that are held in memory at once, as everywhere. */
const mostEvents = 10_000;
/** Questions of one statement: what they answer is in memory together. */
const atOnce = 200;

/**
 * The events that are asked about, in the order of the questions, few statements for any number of them. Null where there
 * are more than 10,000: a part of them would give a wrong answer.
 */
export async function readEvents(
  db: Client | Pool,
  questions: readonly EventQuestion[],
): Promise<(readonly EventRecord[] | null)[]> {
  const answers: (EventRecord[] | null)[] = [];
  for (let from = 0; from < questions.length; from += atOnce) {
    const some = questions.slice(from, from + atOnce);
    const { rows } = await db.query<EventRecord & { place: number }>(answerQuestions, [
      some.map((question) => question.workspace),
      some.map((question) => question.endUser),
      some.map((question) => question.event),
      some.map(({ since }) => (since === null ? null : new Date(since).toISOString())),
    ]);
    const found: EventRecord[][] = some.map(() => []);
    for (const { place, ...event } of rows) found[place - 1]?.push(event);
    answers.push(...found.map((events) => (events.length > mostEvents ? null : events)));
  }
  return answers;
}

const answerQuestions = `
  SELECT question.place::integer AS place, e.event, e.occurred_at, e.properties
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
    AS question (workspace_id, end_user_id, event, since, place)
  CROSS JOIN LATERAL (
    SELECT e.event, e.occurred_at, e.properties FROM events e
    WHERE e.workspace_id = question.workspace_id AND e.end_user_id = question.end_user_id
      AND e.event = question.event AND e.occurred_at >= coalesce(question.since, '-infinity')
    LIMIT ${mostEvents + 1}
  ) AS e`;
