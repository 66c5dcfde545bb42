import { runStatement } from '../database.js';
import type { Database } from '../database.js';
import { endUserColumns } from '../row.js';
import type { EndUser } from '../row.js';
import { fieldOfKey } from './told.js';

export interface MergeUser {
  readonly workspaceId: string;
  readonly userId: string;
  /** ISO 8601, or null for the database's own clock. */
  readonly at: string | null;
  /** Made when it is not there. Null leaves the company as it is. */
  readonly companyId: string | null;
  /** JSON object of known traits; null empties the column, an absent key leaves it. */
  readonly columns: string;
  /** JSON object of custom traits to set. */
  readonly custom: string;
  /** Custom traits to remove. */
  readonly removed: readonly string[];
  /** JSON objects of known and of custom traits that are set only where there is no value; none of them is named above. */
  readonly filledColumns: string;
  readonly filledCustom: string;
  /** An anonymous visitor's row has just been given this user id, which is a creation as far as callers can tell. */
  readonly adopted: boolean;
}

export interface MergedUser extends EndUser {
  readonly created: boolean;
  /** What changed, as the `var`s that read it. */
  readonly changed: readonly string[];
}

/**
 * Creates or updates one user and writes the fact to the outbox, all in one statement, so that neither can happen
 * without the other.
 *
 * The merge reads the row as it is when its lock is held, never a copy read earlier: of two calls at once, the second
 * waits and merges into what the first wrote. `before` takes that lock and keeps the old values, to name what changed.
 * A row that another transaction creates between this statement's snapshot and its insert is in no `before`; then the
 * update is left out and nothing comes back, and the caller runs the statement again.
 *
 * Ways that lost: reading and writing in two statements (needs a lock held across a round trip); `xmax = 0` to tell a
 * creation (does not name what changed); `RETURNING old` (Postgres 18 only).
 */
export async function mergeUser(db: Database, merge: MergeUser): Promise<MergedUser | null> {
  const { rows } = await runStatement<MergedUser>(db, merge.workspaceId, {
    name: 'muster_merge_user',
    text,
    values: [
      merge.workspaceId,
      merge.userId,
      merge.at,
      merge.companyId,
      merge.columns,
      merge.custom,
      merge.removed,
      merge.adopted,
      merge.filledColumns,
      merge.filledCustom,
    ],
  });
  return rows[0] ?? null;
}

/** The columns of known traits, and what their values are cast to. */
export const userColumnTypes = {
  name: 'text',
  email: 'text',
  signed_up_at: 'instant',
  renewal_status: 'text',
  renewal_date: 'instant',
  contract_term: 'text',
  payment_terms: 'text',
  on_contract: 'boolean',
};
const names = Object.keys(userColumnTypes);
const inserted = Object.entries(userColumnTypes).map(
  ([name, type]) => `(coalesce($5::jsonb ->> '${name}', $9::jsonb ->> '${name}'))::${type}`,
);
const updated = names.map(
  (name) =>
    `${name} = CASE WHEN $5::jsonb ? '${name}' THEN EXCLUDED.${name} ELSE coalesce(u.${name}, EXCLUDED.${name}) END`,
);
const compared = ['company_id', ...names].map((name) => `('${name}', b.${name} IS DISTINCT FROM a.${name})`);

const text = `
WITH given AS (
  SELECT coalesce($3::timestamptz, date_trunc('milliseconds', now())) AS at
), before AS MATERIALIZED (
  SELECT u.* FROM end_users AS u WHERE u.workspace_id = $1 AND u.user_id = $2 FOR UPDATE
), after AS (
  INSERT INTO end_users AS u (
    workspace_id, id, user_id, company_id, ${names.join(', ')},
    custom_fields, created_at, updated_at, first_seen, last_seen
  )
  SELECT $1, coalesce(b.id, gen_random_uuid()), $2, $4, ${inserted.join(', ')}, $10::jsonb || $6::jsonb, g.at, g.at, g.at, g.at
  FROM given AS g LEFT JOIN before AS b ON true
  ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    company_id = coalesce(EXCLUDED.company_id, u.company_id),
    ${updated.join(',\n    ')},
    custom_fields = ($10::jsonb || u.custom_fields || $6::jsonb) - $7::text[],
    first_seen = least(u.first_seen, EXCLUDED.first_seen),
    last_seen = greatest(u.last_seen, EXCLUDED.last_seen),
    awaits_identify = false
  WHERE EXISTS (SELECT FROM before)
  RETURNING u.*
), company AS (
  INSERT INTO companies (workspace_id, company_id, created_at, updated_at, first_seen, last_seen)
  SELECT $1, $4::text, g.at, g.at, g.at, g.at FROM after, given AS g WHERE $4::text IS NOT NULL
  ON CONFLICT (workspace_id, company_id) DO NOTHING
), change AS (
  SELECT
    (b.id IS NULL OR b.awaits_identify OR $8::boolean) AS created,
    ARRAY(
      SELECT field FROM (VALUES ${compared.join(', ')}) AS column_change (field, changed) WHERE changed
    ) || ARRAY(
      SELECT ${fieldOfKey('key')}
      FROM (
        SELECT jsonb_object_keys($10::jsonb || $6::jsonb) AS key UNION SELECT unnest($7::text[])
      ) AS named
      WHERE b.custom_fields -> key IS DISTINCT FROM a.custom_fields -> key
      ORDER BY key COLLATE "C"
    ) AS changed
  FROM after AS a LEFT JOIN before AS b ON true
), fact AS (
  INSERT INTO outbox (workspace_id, kind, end_user_id, user_id, payload)
  SELECT $1, CASE WHEN c.created THEN 'user_created' ELSE 'user_updated' END, a.id, a.user_id,
    jsonb_build_object('fields', c.changed)
  FROM after AS a, change AS c
  WHERE c.created OR cardinality(c.changed) > 0
)
SELECT ${endUserColumns('a')}, c.created, c.changed FROM after AS a, change AS c`;
