import type { Pool } from '../../database/pool.js';
import type { UserRecord } from '../../filter/record.js';
import type { Chunk } from './claim-chunk.js';
import type { Needs } from './needs.js';

/** A recipient who may be sent to now, with what their message is rendered from. */
export interface Candidate {
  readonly number: number;
  /** Null once the person is erased. */
  readonly endUser: string | null;
  readonly variant: string;
  /** Set where an earlier attempt rendered it. */
  readonly hasMessage: boolean;
  readonly person: UserRecord;
  /** What their field for zones holds; null where it is not asked for. */
  readonly zone: unknown;
}

interface CandidateRow extends Readonly<Record<string, unknown>> {
  readonly number: number;
  readonly end_user_id: string | null;
  readonly variant: string;
  readonly has_message: boolean;
  readonly zone: unknown;
  readonly company: UserRecord['company'];
}

/** The next recipients of a chunk by number, up to `size`; with the field for zones where `zone` asks for it. */
export async function readBatch(
  pool: Pool,
  chunk: Chunk,
  needs: Needs & { readonly zone: boolean },
  size: number,
): Promise<Candidate[]> {
  const { rows } = await pool.query<CandidateRow>(statementFor(needs), [
    chunk.workspace,
    chunk.run,
    chunk.first,
    chunk.last,
    size,
    ...(needs.zone ? [chunk.zoneField] : []),
  ]);
  return rows.map((row) => {
    const { number, end_user_id: endUser, variant, has_message: hasMessage, zone = null, ...person } = row;
    return { number, endUser, variant, hasMessage, zone, person };
  });
}

// Each lookup is fenced (OFFSET 0): a planner without statistics would read a whole workspace for each batch.
function statementFor({ columns, company, zone }: Needs & { readonly zone: boolean }): string {
  const own = ['user_id', 'anonymous_id', ...columns].map((column) => `u.${column}`);
  const companyColumn = company ? ', c.row AS company' : '';
  const zoneColumn = zone ? ', u.custom_fields -> $6::text AS zone' : '';
  const companyJoin = company
    ? `LEFT JOIN LATERAL (
      SELECT to_jsonb(c) AS row FROM companies c
      WHERE c.workspace_id = p.workspace_id AND c.company_id = u.company_id OFFSET 0
    ) AS c ON true`
    : '';
  return `
    SELECT p.number, p.end_user_id, p.variant, p.message IS NOT NULL AS has_message, ${own.join(', ')}${zoneColumn}${companyColumn}
    FROM broadcast_recipients p
    LEFT JOIN LATERAL (
      SELECT * FROM end_users u WHERE u.workspace_id = p.workspace_id AND u.id = p.end_user_id OFFSET 0
    ) AS u ON true
    ${companyJoin}
    WHERE p.workspace_id = $1 AND p.run_id = $2::bigint AND p.number BETWEEN $3 AND $4 AND p.state = 'pending'
      AND (p.retry_at IS NULL OR p.retry_at <= statement_timestamp())
    ORDER BY p.number LIMIT $5`;
}
