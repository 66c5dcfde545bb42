import type { Pool } from '../../src/database/pool.js';
import { batchSize } from './calls.js';
import type { Call } from './calls.js';

/** What of the calls' promises is not in the database, as text for a failure's message. */
export async function missingOf(pool: Pool, workspaceId: string, calls: readonly Call[]): Promise<string[]> {
  const traits = calls.flatMap(({ promises }) => promises.traits);
  const companyTraits = calls.flatMap(({ promises }) => promises.companyTraits);
  const messages = calls.flatMap(({ promises }) => promises.messages);
  const { rows } = await pool.query<{ what: string }>(
    `SELECT format('trait %s of %s', p.key, p.id) AS what FROM unnest($2::text[], $3::text[]) AS p (id, key)
     WHERE NOT EXISTS (SELECT FROM end_users u WHERE u.workspace_id = $1 AND u.user_id = p.id AND u.custom_fields ? p.key)
     UNION ALL
     SELECT format('trait %s of company %s', p.key, p.id) FROM unnest($4::text[], $5::text[]) AS p (id, key)
     WHERE NOT EXISTS (SELECT FROM companies c WHERE c.workspace_id = $1 AND c.company_id = p.id AND c.custom_fields ? p.key)
     UNION ALL
     SELECT format('event %s', p.id) FROM unnest($6::text[]) AS p (id)
     WHERE NOT EXISTS (SELECT FROM events e WHERE e.workspace_id = $1 AND e.message_id = p.id)`,
    [
      workspaceId,
      traits.map(([id]) => id),
      traits.map(([, key]) => key),
      companyTraits.map(([id]) => id),
      companyTraits.map(([, key]) => key),
      messages,
    ],
  );
  return rows.map(({ what }) => what);
}

/** How many things the calls promise. */
export function promisedBy(calls: readonly Call[]): number {
  return calls.reduce(
    (sum, { promises: { traits, companyTraits, messages } }) =>
      sum + traits.length + companyTraits.length + messages.length,
    0,
  );
}

/**
 * Everything that is there by half, as text for a failure's message. One statement, and so one instant: a killed process's
 * transactions may end at any moment.
 */
export async function halvesOf(pool: Pool, workspaceId: string): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(halves, [workspaceId, batchSize]);
  return rows.map(({ what }) => what);
}

const halves = `
WITH people AS (
  SELECT * FROM end_users WHERE workspace_id = $1
), facts AS (
  SELECT * FROM outbox WHERE workspace_id = $1
), held AS (
  SELECT u.id, u.user_id, key FROM people AS u, jsonb_object_keys(u.custom_fields) AS key
), told AS (
  SELECT f.end_user_id AS id, substr(field, 8) AS key, count(*) AS times
  FROM facts AS f, jsonb_array_elements_text(f.payload -> 'fields') AS field
  WHERE field LIKE 'custom:%'
  GROUP BY 1, 2
), created AS (
  SELECT f.end_user_id AS id, count(*) AS times FROM facts AS f WHERE f.kind = 'user_created' GROUP BY 1
), stored AS (
  SELECT * FROM events WHERE workspace_id = $1
), announced AS (
  SELECT payload ->> 'event_id' AS event_id, end_user_id FROM facts WHERE kind = 'event'
)
SELECT format('%s has %s, told %s times', h.user_id, h.key, coalesce(t.times, 0)) AS what
FROM held AS h LEFT JOIN told AS t USING (id, key)
WHERE h.key NOT LIKE 'b%' AND coalesce(t.times, 0) <> 1
UNION ALL
SELECT format('%s is told of somebody who has it not', t.key) FROM told AS t LEFT JOIN held AS h USING (id, key) WHERE h.id IS NULL
UNION ALL
SELECT format('%s was created %s times', u.user_id, coalesce(c.times, 0)) FROM people AS u LEFT JOIN created AS c USING (id)
WHERE coalesce(c.times, 0) <> CASE WHEN u.awaits_identify THEN 0 ELSE 1 END
UNION ALL
SELECT 'somebody who is not there was created' FROM created AS c LEFT JOIN people AS u USING (id) WHERE u.id IS NULL
UNION ALL
SELECT format('batch %s is with %s people', h.key, count(*)) FROM held AS h
WHERE h.key LIKE 'b%' GROUP BY h.key HAVING count(*) <> $2::integer
UNION ALL
SELECT format('%s is with the person or with the company, not with both', key)
FROM (SELECT key FROM held WHERE key LIKE 'ck%') AS p
FULL JOIN (
  SELECT key FROM companies AS c, jsonb_object_keys(c.custom_fields) AS key WHERE c.workspace_id = $1 AND key LIKE 'ck%'
) AS c USING (key)
WHERE p.key IS NULL OR c.key IS NULL
UNION ALL
SELECT format('message %s is stored %s times', coalesce(s.message_id, m.message_id), count(s.id))
FROM stored AS s FULL JOIN (SELECT message_id FROM event_messages WHERE workspace_id = $1) AS m USING (message_id)
GROUP BY s.message_id, m.message_id
HAVING count(s.id) <> 1 OR m.message_id IS NULL
UNION ALL
SELECT format('event %s is told of %s', s.message_id, coalesce(a.end_user_id::text, 'nobody'))
FROM stored AS s FULL JOIN announced AS a ON a.event_id = s.id::text
WHERE s.end_user_id IS DISTINCT FROM a.end_user_id
UNION ALL
SELECT format('event %s is of nobody', s.message_id) FROM stored AS s LEFT JOIN people AS u ON u.id = s.end_user_id WHERE u.id IS NULL`;
