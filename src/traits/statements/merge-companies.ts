import type { Client } from '../../database/pool.js';
import { companyColumnTypes } from './merge-company.js';
import type { MergeCompany } from './merge-company.js';

/** One call about a company. Several about one company carry the same traits. */
export type MergeCompaniesItem = Omit<MergeCompany, 'workspaceId'>;

/**
 * What `mergeCompany` does to one company, done to many by one statement; see `mergeUsers` for how.
 *
 * @returns which rows were written; the caller runs the statement again for the others
 */
export async function mergeCompanies(
  client: Client,
  workspaceId: string,
  companies: readonly MergeCompaniesItem[],
): Promise<Set<string>> {
  const { rows } = await client.query<{ company_id: string }>({
    name: 'muster_merge_companies',
    text,
    values: [
      workspaceId,
      companies.map(({ companyId }) => companyId),
      companies.map(({ at }) => at),
      companies.map(({ columns }) => columns),
      companies.map(({ custom }) => custom),
      companies.map(({ removed }) => JSON.stringify(removed)),
    ],
  });
  return new Set(rows.map((row) => row.company_id));
}

const names = Object.keys(companyColumnTypes);
const merged = Object.entries(companyColumnTypes).map(
  ([name, type]) =>
    `CASE WHEN g.columns ? '${name}' THEN (g.columns ->> '${name}')::${type} ELSE b.${name} END`,
);
const set = [...names, 'custom_fields', 'first_seen', 'last_seen'].map(
  (name) => `${name} = EXCLUDED.${name}`,
);

const text = `
WITH given AS MATERIALIZED (
  SELECT DISTINCT ON (n.company_id) n.company_id, n.columns, n.custom,
    ARRAY(SELECT jsonb_array_elements_text(n.removed)) AS removed,
    min(c.at) OVER (PARTITION BY n.company_id) AS earliest, max(c.at) OVER (PARTITION BY n.company_id) AS latest
  FROM unnest($2::text[], $3::timestamptz[], $4::jsonb[], $5::jsonb[], $6::jsonb[])
    AS n (company_id, at, columns, custom, removed)
  CROSS JOIN LATERAL (SELECT coalesce(n.at, date_trunc('milliseconds', now())) AS at) AS c
), before AS MATERIALIZED (
  SELECT c.* FROM companies AS c
  WHERE c.workspace_id = $1 AND c.company_id = ANY ($2::text[])
  ORDER BY c.company_id FOR NO KEY UPDATE
)
INSERT INTO companies AS c (
  workspace_id, id, company_id, ${names.join(', ')}, custom_fields, created_at, updated_at, first_seen, last_seen
)
SELECT $1, coalesce(b.id, gen_random_uuid()), g.company_id,
  ${merged.join(',\n  ')},
  (coalesce(b.custom_fields, '{}') || g.custom) - g.removed,
  g.earliest, g.earliest, least(b.first_seen, g.earliest), greatest(b.last_seen, g.latest)
FROM given AS g LEFT JOIN before AS b ON b.company_id = g.company_id
ORDER BY g.company_id
ON CONFLICT (workspace_id, company_id) DO UPDATE SET
  ${set.join(',\n  ')}
WHERE c.id = EXCLUDED.id
RETURNING c.company_id`;
