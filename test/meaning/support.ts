import { randomUUID } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { CompanyRecord, UserRecord } from '../../src/filter/record.js';
import { compileSql } from '../../src/filter/sql.js';
import type { Moment } from '../../src/filter/time.js';
import type { Filter } from '../../src/filter/tree.js';

/** Stands in for `created_at` and `updated_at`, which no row can be without. */
export const defaultCreatedAt = '2026-01-01T00:00:00Z';

const sharedColumns = [
  'name',
  'signed_up_at',
  'renewal_status',
  'renewal_date',
  'contract_term',
  'payment_terms',
  'on_contract',
  'created_at',
  'updated_at',
  'first_seen',
  'last_seen',
  'last_contacted_at',
] as const;
const userColumns = ['user_id', 'anonymous_id', 'company_id', 'email', ...sharedColumns] as const;
const companyColumns = ['company_id', ...sharedColumns] as const;

const sqlTypes: Readonly<Record<string, string>> = {
  signed_up_at: 'timestamptz',
  renewal_date: 'timestamptz',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  first_seen: 'timestamptz',
  last_seen: 'timestamptz',
  last_contacted_at: 'timestamptz',
  on_contract: 'boolean',
};

/**
 * The records as the tables will hold them: what a row cannot be without (`user_id` or `anonymous_id`, a company's
 * `company_id`, `created_at`, `updated_at`) is filled in, so that the in-memory readers see what SQL sees. Completing
 * twice changes nothing. Made-up user ids are `user-0`, `user-1` ... by position.
 */
export function completeRecords(records: readonly UserRecord[]): UserRecord[] {
  return records.map((record, position) => {
    const named = isPresent(record.user_id) || isPresent(record.anonymous_id);
    const { company } = record;
    return {
      ...record,
      ...(named ? {} : { user_id: `user-${position}` }),
      created_at: record.created_at ?? defaultCreatedAt,
      updated_at: record.updated_at ?? defaultCreatedAt,
      ...(isPresent(company)
        ? {
            company: {
              ...company,
              company_id: company.company_id ?? `company-${position}`,
              created_at: company.created_at ?? defaultCreatedAt,
              updated_at: company.updated_at ?? defaultCreatedAt,
            },
          }
        : {}),
    };
  });
}

/**
 * Inserts users, their companies and their events, in one transaction. Records are completed first (see `completeRecords`).
 * Times are ISO 8601 text or Dates; custom fields travel as JSON text, so that every key survives.
 *
 * @param customFieldsTexts by position, JSON text to store as it is written in place of the record's custom fields,
 * for what a JavaScript object cannot hold, such as `1.0` or `1e400`
 * @returns the rows' internal ids, in the order of the records
 */
export async function insertRecords(
  pool: Pool,
  workspaceId: string,
  records: readonly UserRecord[],
  customFieldsTexts: ReadonlyMap<number, string> = new Map(),
): Promise<string[]> {
  const complete = completeRecords(records);
  const ids = complete.map(() => randomUUID());
  const companies = new Map<string, CompanyRecord>();
  for (const { company } of complete) {
    if (isPresent(company) && isPresent(company.company_id)) companies.set(company.company_id, company);
  }
  const users = complete.map((record, position) => ({
    ...pick(record, userColumns),
    id: ids[position],
    company_id: record.company?.company_id ?? null,
    custom_fields: customFieldsTexts.get(position) ?? JSON.stringify(record.custom_fields ?? {}),
  }));
  const companyRows = Array.from(companies.values(), (company) => ({
    ...pick(company, companyColumns),
    id: randomUUID(),
    custom_fields: JSON.stringify(company.custom_fields ?? {}),
  }));
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    // ISO text without an offset is UTC in the language, whatever the server's own zone is.
    await client.query(`SET LOCAL TimeZone = 'UTC'`);
    await client.query(
      'INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1) ON CONFLICT (workspace_id) DO NOTHING',
      [workspaceId],
    );
    await client.query(insertSql('companies', companyColumns), [workspaceId, JSON.stringify(companyRows)]);
    await client.query(insertSql('end_users', userColumns), [workspaceId, JSON.stringify(users)]);
    await insertEvents(client, workspaceId, complete, ids);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
  await pool.query('ANALYZE end_users, companies, events');
  return ids;
}

async function insertEvents(
  client: ClientBase,
  workspaceId: string,
  records: readonly UserRecord[],
  ids: readonly string[],
): Promise<void> {
  const events = records.flatMap((record, position) =>
    (record.events ?? []).map(({ event, occurred_at: occurredAt, properties }) => ({
      end_user_id: ids[position],
      event,
      occurred_at: occurredAt,
      properties: JSON.stringify(properties ?? {}),
    })),
  );
  const list = JSON.stringify(events);
  const months = `SELECT DISTINCT date_trunc('month', occurred_at) FROM json_to_recordset($1::json) AS row(occurred_at timestamptz)`;
  await client.query(`SELECT make_event_partition(month) FROM (${months}) AS needed(month)`, [list]);
  await client.query(
    `INSERT INTO events (workspace_id, end_user_id, event, occurred_at, properties)
     SELECT $1, end_user_id, event, occurred_at, properties::jsonb FROM json_to_recordset($2::json)
       AS row(end_user_id uuid, event text, occurred_at timestamptz, properties text)`,
    [workspaceId, list],
  );
}

/** Ids of the workspace's users whom the compiled SQL matches, as a `WHERE` clause. */
export async function matchingIds(
  pool: Pool,
  workspaceId: string,
  filter: Filter,
  moment: Moment,
): Promise<Set<string>> {
  const { text, values } = compileSql(filter, { moment, offset: 1, alias: 'u', workspaceParameter: 1 });
  const { rows } = await pool.query<[string]>({
    text: `SELECT u.id FROM end_users u WHERE u.workspace_id = $1 AND (${text})`,
    values: [workspaceId, ...values],
    rowMode: 'array',
  });
  return new Set(rows.map(([id]) => id));
}

/** The in-memory counterpart of `matchingIds`: `ids[i]` belongs to `records[i]`, which must be complete. */
export function matchingIdsInMemory(
  ids: readonly string[],
  records: readonly UserRecord[],
  filter: Filter,
  moment: Moment,
): Set<string> {
  const matches = compilePredicate(filter, moment);
  return new Set(ids.filter((_, position) => matches(records[position] ?? {})));
}

function insertSql(table: 'end_users' | 'companies', columns: readonly string[]): string {
  const shape = columns.map((column) => `${column} ${sqlTypes[column] ?? 'text'}`).join(', ');
  const list = columns.join(', ');
  const onConflict = table === 'companies' ? ' ON CONFLICT (workspace_id, company_id) DO NOTHING' : '';
  return `INSERT INTO ${table} (workspace_id, id, custom_fields, ${list})
    SELECT $1, id, custom_fields::jsonb, ${list}
    FROM json_to_recordset($2::json) AS row(id uuid, custom_fields text, ${shape})${onConflict}`;
}

function pick(record: object, names: readonly string[]): Record<string, unknown> {
  const values = new Map<string, unknown>(Object.entries(record));
  return Object.fromEntries(names.map((name) => [name, values.get(name) ?? null]));
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
