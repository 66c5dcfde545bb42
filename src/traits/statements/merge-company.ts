import { runStatement } from '../database.js';
import type { Database } from '../database.js';
import { companyColumns } from '../row.js';
import type { CompanyRow } from '../row.js';

export interface MergeCompany {
  readonly workspaceId: string;
  readonly companyId: string;
  /** ISO 8601, or null for the database's own clock. */
  readonly at: string | null;
  /** JSON object of known traits; null empties the column, an absent key leaves it. */
  readonly columns: string;
  /** JSON object of custom traits to set. */
  readonly custom: string;
  /** Custom traits to remove. */
  readonly removed: readonly string[];
}

/** Creates or updates one company, merging into the row as it is when its lock is held. */
export async function mergeCompany(
  db: Database,
  merge: MergeCompany,
): Promise<CompanyRow & { readonly created: boolean }> {
  const { rows } = await runStatement<CompanyRow & { readonly created: boolean }>(db, merge.workspaceId, {
    name: 'muster_merge_company',
    text,
    values: [merge.workspaceId, merge.companyId, merge.at, merge.columns, merge.custom, merge.removed],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('an upsert answered no row');
  return row;
}

/** The columns of known traits, and what their values are cast to. */
export const companyColumnTypes = {
  name: 'text',
  signed_up_at: 'instant',
  renewal_status: 'text',
  renewal_date: 'instant',
  contract_term: 'text',
  payment_terms: 'text',
  on_contract: 'boolean',
};
const names = Object.keys(companyColumnTypes);
const inserted = Object.entries(companyColumnTypes).map(
  ([name, type]) => `($4::jsonb ->> '${name}')::${type}`,
);
const updated = names.map(
  (name) => `${name} = CASE WHEN $4::jsonb ? '${name}' THEN EXCLUDED.${name} ELSE c.${name} END`,
);

// A row that an insert has just made has no earlier transaction in xmax; one that the conflict updated has this one.
const text = `
WITH given AS (
  SELECT coalesce($3::timestamptz, date_trunc('milliseconds', now())) AS at
)
INSERT INTO companies AS c (
  workspace_id, company_id, ${names.join(', ')}, custom_fields, created_at, updated_at, first_seen, last_seen
)
SELECT $1, $2, ${inserted.join(', ')}, $5::jsonb, g.at, g.at, g.at, g.at FROM given AS g
ON CONFLICT (workspace_id, company_id) DO UPDATE SET
  ${updated.join(',\n  ')},
  custom_fields = (c.custom_fields || EXCLUDED.custom_fields) - $6::text[],
  first_seen = least(c.first_seen, EXCLUDED.first_seen),
  last_seen = greatest(c.last_seen, EXCLUDED.last_seen)
RETURNING ${companyColumns('c')}, c.xmax = 0 AS created`;
