import type { Client } from '../../database/pool.js';
import { userColumnTypes } from './merge-user.js';
import type { MergeUser } from './merge-user.js';
import { fieldOfKey } from './told.js';

/** One person of a set; everybody stands in it once. The rest is as in `MergeUser`. */
export type MergeUsersItem = Omit<MergeUser, 'workspaceId' | 'adopted'>;

/**
 * What `mergeUser` does to one person, done to many by one statement: what is left is the same as if they had come one
 * after another, in the order given.
 *
 * The rows are locked in the order of their ids, so that two of these cannot wait for each other in a circle over people
 * who are there. From then on `before` is what the rows are, so that the merge is worked out from it; a row that came up
 * after this statement's snapshot has another id than the one made for it here, and is left as it is.
 *
 * @returns whose rows were written; the caller runs the statement again for the others
 */
export async function mergeUsers(
  client: Client,
  workspaceId: string,
  users: readonly MergeUsersItem[],
): Promise<Set<string>> {
  const { rows } = await client.query<{ user_id: string }>({
    name: 'muster_merge_users',
    text,
    values: [
      workspaceId,
      users.map(({ userId }) => userId),
      users.map(({ at }) => at),
      users.map(({ companyId }) => companyId),
      users.map(({ columns }) => columns),
      users.map(({ custom }) => custom),
      users.map(({ removed }) => JSON.stringify(removed)),
      users.map(({ filledColumns }) => filledColumns),
      users.map(({ filledCustom }) => filledCustom),
    ],
  });
  return new Set(rows.map((row) => row.user_id));
}

const names = Object.keys(userColumnTypes);
const merged = Object.entries(userColumnTypes).map(
  ([name, type]) =>
    `CASE WHEN g.columns ? '${name}' THEN (g.columns ->> '${name}')::${type}
      ELSE coalesce(b.${name}, (g.filled_columns ->> '${name}')::${type}) END`,
);
const set = ['company_id', ...names, 'custom_fields', 'first_seen', 'last_seen'].map(
  (name) => `${name} = EXCLUDED.${name}`,
);
const compared = ['company_id', ...names].map((name) => `('${name}', b.${name} IS DISTINCT FROM a.${name})`);

const text = `
WITH given AS MATERIALIZED (
  SELECT n.place, n.user_id, coalesce(n.at, date_trunc('milliseconds', now())) AS at, n.company_id, n.columns, n.custom,
    ARRAY(SELECT jsonb_array_elements_text(n.removed)) AS removed, n.filled_columns, n.filled_custom
  FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[], $8::jsonb[], $9::jsonb[])
    WITH ORDINALITY AS n (user_id, at, company_id, columns, custom, removed, filled_columns, filled_custom, place)
), before AS MATERIALIZED (
  SELECT u.* FROM end_users AS u
  WHERE u.workspace_id = $1 AND u.user_id = ANY ($2::text[])
  ORDER BY u.user_id FOR NO KEY UPDATE
), after AS (
  INSERT INTO end_users AS u (
    workspace_id, id, user_id, company_id, ${names.join(', ')},
    custom_fields, created_at, updated_at, first_seen, last_seen
  )
  SELECT $1, coalesce(b.id, gen_random_uuid()), g.user_id, coalesce(g.company_id, b.company_id),
    ${merged.join(',\n    ')},
    (g.filled_custom || coalesce(b.custom_fields, '{}') || g.custom) - g.removed,
    g.at, g.at, least(b.first_seen, g.at), greatest(b.last_seen, g.at)
  FROM given AS g LEFT JOIN before AS b ON b.user_id = g.user_id
  ORDER BY g.user_id
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    ${set.join(',\n    ')},
    awaits_identify = false
  WHERE u.id = EXCLUDED.id
  RETURNING u.*
), company AS (
  INSERT INTO companies (workspace_id, company_id, created_at, updated_at, first_seen, last_seen)
  SELECT $1, c.company_id, c.at, c.at, c.at, c.at
  FROM (
    SELECT DISTINCT ON (g.company_id) g.company_id, g.at
    FROM given AS g JOIN after AS a ON a.user_id = g.user_id
    WHERE g.company_id IS NOT NULL
    ORDER BY g.company_id, g.place
  ) AS c
  ORDER BY c.company_id
  ON CONFLICT (workspace_id, company_id) DO NOTHING
), change AS MATERIALIZED (
  SELECT g.place, a.id, a.user_id, (b.id IS NULL OR b.awaits_identify) AS created,
    ARRAY(
      SELECT field FROM (VALUES ${compared.join(', ')}) AS column_change (field, changed) WHERE changed
    ) || ARRAY(
      SELECT ${fieldOfKey('key')}
      FROM (SELECT jsonb_object_keys(g.filled_custom || g.custom) AS key UNION ALL SELECT unnest(g.removed)) AS named
      WHERE b.custom_fields -> key IS DISTINCT FROM a.custom_fields -> key
      ORDER BY key COLLATE "C"
    ) AS changed
  FROM given AS g
  JOIN after AS a ON a.user_id = g.user_id
  LEFT JOIN before AS b ON b.user_id = g.user_id
), fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, CASE WHEN c.created THEN 'user_created' ELSE 'user_updated' END, c.id, c.user_id,
    jsonb_build_object('fields', c.changed)
  FROM change AS c
  WHERE c.created OR cardinality(c.changed) > 0
  ORDER BY c.place
)
SELECT user_id FROM after`;
