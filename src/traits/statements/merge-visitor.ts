import type { Client } from '../../database/pool.js';
import { endUserColumns } from '../row.js';
import type { EndUser } from '../row.js';
import { userColumnTypes } from './merge-user.js';
import { fieldOfKey } from './told.js';

export interface MergeVisitor {
  readonly workspaceId: string;
  readonly anonymousId: string;
  /** ISO 8601, or null for the database's own clock. */
  readonly at: string | null;
  /** JSON object of known traits; null empties the column, an absent key leaves it. */
  readonly columns: string;
  /** JSON object of custom traits to set. */
  readonly custom: string;
  /** Custom traits to remove. */
  readonly removed: readonly string[];
  /** JSON objects of known and of custom traits that are set only where there is no value; none of them is named above. */
  readonly filledColumns: string;
  readonly filledCustom: string;
}

/**
 * Merges traits onto the row that has the anonymous id, which is made when there is none and then waits for an identify.
 * A visitor's traits are replaced; on the row of somebody who has a user id they only fill what is missing. What changed
 * on a row that was there goes to the outbox as `user_updated`, by the same statement.
 *
 * As in `mergeUser`, nothing comes back where another transaction makes, joins or removes the row meanwhile, and the
 * caller runs the statement again.
 */
export async function mergeVisitor(client: Client, merge: MergeVisitor): Promise<EndUser | null> {
  const { rows } = await client.query<EndUser>({
    name: 'muster_merge_visitor',
    text,
    values: [
      merge.workspaceId,
      merge.anonymousId,
      merge.at,
      merge.columns,
      merge.custom,
      merge.removed,
      merge.filledColumns,
      merge.filledCustom,
    ],
  });
  return rows[0] ?? null;
}

const names = Object.keys(userColumnTypes);
const inserted = Object.entries(userColumnTypes).map(
  ([name, type]) => `(coalesce($4::jsonb ->> '${name}', $7::jsonb ->> '${name}'))::${type}`,
);
const updated = names.map(
  (name) => `${name} = CASE
      WHEN u.user_id IS NULL AND $4::jsonb ? '${name}' THEN EXCLUDED.${name}
      ELSE coalesce(u.${name}, EXCLUDED.${name})
    END`,
);
const compared = names.map((name) => `('${name}', b.${name} IS DISTINCT FROM a.${name})`);

const text = `
WITH given AS (
  SELECT coalesce($3::timestamptz, date_trunc('milliseconds', now())) AS at
), before AS MATERIALIZED (
  SELECT u.* FROM end_users AS u WHERE u.workspace_id = $1 AND u.anonymous_id = $2 FOR NO KEY UPDATE
), after AS (
  INSERT INTO end_users AS u (
    workspace_id, anonymous_id, ${names.join(', ')}, custom_fields, created_at, updated_at, first_seen, last_seen,
    awaits_identify
  )
  SELECT $1, $2, ${inserted.join(', ')}, $8::jsonb || $5::jsonb, g.at, g.at, g.at, g.at, true FROM given AS g
  ON CONFLICT (workspace_id, anonymous_id) DO UPDATE SET
    ${updated.join(',\n    ')},
    custom_fields = CASE
      WHEN u.user_id IS NOT NULL THEN EXCLUDED.custom_fields || u.custom_fields
      ELSE ($8::jsonb || u.custom_fields || $5::jsonb) - $6::text[]
    END,
    first_seen = least(u.first_seen, EXCLUDED.first_seen),
    last_seen = greatest(u.last_seen, EXCLUDED.last_seen)
  WHERE EXISTS (SELECT FROM before)
  RETURNING u.*
), fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, 'user_updated', a.id, a.user_id, jsonb_build_object('fields', c.changed)
  FROM after AS a JOIN before AS b ON b.id = a.id
  CROSS JOIN LATERAL (
    SELECT ARRAY(
      SELECT field FROM (VALUES ${compared.join(', ')}) AS column_change (field, changed) WHERE changed
    ) || ARRAY(
      SELECT ${fieldOfKey('key')}
      FROM (SELECT jsonb_object_keys($8::jsonb || $5::jsonb) AS key UNION SELECT unnest($6::text[])) AS named
      WHERE b.custom_fields -> key IS DISTINCT FROM a.custom_fields -> key
      ORDER BY key COLLATE "C"
    ) AS changed
  ) AS c
  WHERE cardinality(c.changed) > 0
)
SELECT ${endUserColumns('a')} FROM after AS a`;
