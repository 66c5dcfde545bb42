import type { Client } from '../../database/pool.js';
import { companyColumnTypes } from './merge-company.js';

/** What is to be known of one company; each stands once in a call. */
export interface CompanyPatch {
  readonly companyId: string;
  /** JSON object of known traits; null empties the column, an absent key leaves it. */
  readonly columns: string;
  /** JSON object of custom traits to set. */
  readonly custom: string;
  /** Custom traits to remove. */
  readonly removed: readonly string[];
}

/**
 * Creates and updates companies without a visit: `first_seen` and `last_seen` are not named. A company that would stay as
 * it is is not written again. Sorted, so that two calls lock companies in one order.
 */
export async function patchCompanies(
  client: Client,
  workspaceId: string,
  companies: readonly CompanyPatch[],
): Promise<void> {
  if (companies.length === 0) return;
  await client.query({
    name: 'muster_patch_companies',
    text,
    values: [
      workspaceId,
      companies.map(({ companyId }) => companyId),
      companies.map(({ columns }) => columns),
      companies.map(({ custom }) => custom),
      companies.map(({ removed }) => JSON.stringify(removed)),
    ],
  });
}

const names = Object.keys(companyColumnTypes);
const given = Object.entries(companyColumnTypes).map(([name, type]) => `(g.columns ->> '${name}')::${type}`);
const removed = `ARRAY(SELECT jsonb_array_elements_text(n.removed) FROM given AS n WHERE n.company_id = c.company_id)`;
const named = (name: string): string =>
  `(SELECT n.columns ? '${name}' FROM given AS n WHERE n.company_id = c.company_id)`;
const merged = names.map((name) => `CASE WHEN ${named(name)} THEN EXCLUDED.${name} ELSE c.${name} END`);
const custom = `(c.custom_fields || EXCLUDED.custom_fields) - ${removed}`;

const text = `
WITH given AS MATERIALIZED (
  SELECT * FROM unnest($2::text[], $3::jsonb[], $4::jsonb[], $5::jsonb[]) AS n (company_id, columns, custom, removed)
)
INSERT INTO companies AS c (workspace_id, company_id, ${names.join(', ')}, custom_fields)
SELECT $1, g.company_id, ${given.join(', ')}, g.custom
FROM given AS g
ORDER BY g.company_id
ON CONFLICT (workspace_id, company_id) DO UPDATE SET
  ${names.map((name, index) => `${name} = ${merged[index] ?? ''}`).join(',\n  ')},
  custom_fields = ${custom}
WHERE (${names.map((name) => `c.${name}`).join(', ')}, c.custom_fields)
  IS DISTINCT FROM (${merged.join(', ')}, ${custom})`;
