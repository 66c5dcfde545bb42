import type { Client } from '../../database/pool.js';
import { mergePeople } from './merge-people.js';

/** People of a file, each once. */
export interface Counted {
  readonly people: number;
  /** Who was not there before. */
  readonly created: number;
  readonly unsubscribed: number;
  readonly suppressed: number;
}

/**
 * Creates and updates everybody in the staging table, and counts them; see `mergePeople`.
 *
 * @returns how many people were new
 */
export async function mergeStaging(
  client: Client,
  workspaceId: string,
  fireTriggers: boolean,
): Promise<number> {
  const { rows } = await client.query<{ created: number }>(text, [workspaceId, fireTriggers]);
  return rows[0]?.created ?? 0;
}

/** Counts everybody in the staging table as a merge would, and writes nobody. Returns how many would be new. */
export async function countStaging(client: Client, workspaceId: string): Promise<number> {
  const { rows } = await client.query<{ created: number }>(countText, [workspaceId]);
  return rows[0]?.created ?? 0;
}

/** Counts people that are put on a list. */
export async function countListed(client: Client, list: string, userIds: readonly string[]): Promise<void> {
  await client.query(listedText, [userIds, list]);
}

/** Everybody who was counted so far. */
export async function countedPeople(client: Client): Promise<Counted> {
  const { rows } = await client.query<Counted>(countedText);
  return rows[0] ?? { people: 0, created: 0, unsubscribed: 0, suppressed: 0 };
}

const howMany = 'SELECT (count(*) FILTER (WHERE created))::integer AS created FROM counted';

const text = mergePeople(
  'pg_temp.muster_staging AS s',
  howMany,
  `counted AS (
  INSERT INTO pg_temp.muster_counted (user_id, created)
  SELECT s.user_id, coalesce(w.created, false)
  FROM pg_temp.muster_staging AS s LEFT JOIN written AS w ON w.user_id = s.user_id
  RETURNING created
)`,
);

const countText = `
WITH counted AS (
  INSERT INTO pg_temp.muster_counted (user_id, created)
  SELECT s.user_id, NOT EXISTS (SELECT FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = s.user_id)
  FROM pg_temp.muster_staging AS s
  RETURNING created
)
${howMany}`;

const listedText = `
INSERT INTO pg_temp.muster_counted (user_id, list) SELECT user_id, $2 FROM unnest($1::text[]) AS user_id`;

const number = (condition: string, name: string): string =>
  `(count(*) FILTER (WHERE ${condition}))::integer AS ${name}`;
const countedText = `
SELECT ${number('staged', 'people')}, ${number('created', 'created')},
  ${number('unsubscribed', 'unsubscribed')}, ${number('suppressed', 'suppressed')}
FROM (
  SELECT bool_or(list IS NULL) AS staged, bool_or(created) AS created,
    bool_or(list = 'unsubscribed') AS unsubscribed, bool_or(list = 'suppressed') AS suppressed
  FROM pg_temp.muster_counted GROUP BY user_id
) AS person`;
