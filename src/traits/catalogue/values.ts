import type { Client } from '../../database/pool.js';
import { columnTraits } from './columns.js';
import type { CommonValue, TraitEntity } from './types.js';

/** How many people are looked at for common values. */
export const valueSample = 10_000;
/** How many values of a trait are listed. */
const listedValues = 10;
/** Characters that are kept of a long value. */
const keptCharacters = 100;

export interface TraitValues {
  readonly byKey: ReadonlyMap<string, readonly CommonValue[]>;
  /** Whether everybody was looked at. */
  readonly exact: boolean;
}

interface ValueRow {
  readonly looked_at: number;
  /** Null in the one row that comes when there is no value to list. */
  readonly key: string | null;
  readonly value: unknown;
  readonly count: number;
  /** People of the sample who have the trait at all. */
  readonly holders: number;
}

/**
 * The common values of the traits named. They are read from the rows when somebody asks and stored nowhere: no value of
 * an erased person can linger, and no write pays for them. Beyond `valueSample` people the sample is the first by `id`;
 * ids are random, so these are as good as drawn, and the same at each reading. Counts are then scaled by `users`, the
 * exact number of those who have the trait.
 */
export async function commonValues(
  client: Client,
  workspaceId: string,
  entity: TraitEntity,
  users: ReadonlyMap<string, number>,
): Promise<TraitValues> {
  const { rows } = await client.query<ValueRow>(statements[entity], [workspaceId, [...users.keys()]]);
  const exact = (rows[0]?.looked_at ?? 0) < valueSample;
  const byKey = new Map<string, CommonValue[]>();
  for (const { key, value, count, holders } of rows) {
    if (key === null) continue;
    const scale = exact ? 1 : (users.get(key) ?? holders) / holders;
    const values = byKey.get(key) ?? [];
    values.push({ value, count: Math.round(count * scale) });
    byKey.set(key, values);
  }
  return { byKey, exact };
}

const statements: Readonly<Record<TraitEntity, string>> = {
  user: statement('end_users', 'user'),
  company: statement('companies', 'company'),
};

function statement(table: string, entity: TraitEntity): string {
  const columns = columnTraits(entity).filter(({ listed }) => listed);
  const values = columns.map(({ key }) => `('${key}', to_jsonb(r.${key}))`);
  return `
WITH sample AS MATERIALIZED (
  SELECT ${columns.map(({ key }) => key).join(', ')}, custom_fields
  FROM ${table} WHERE workspace_id = $1 ORDER BY id LIMIT ${valueSample}
), held AS (
  SELECT muster_trait_name(e.key) AS key, e.value
  FROM sample AS r CROSS JOIN LATERAL jsonb_each(r.custom_fields) AS e
  WHERE jsonb_typeof(e.value) <> 'null'
  UNION ALL
  SELECT c.key, c.value FROM sample AS r CROSS JOIN LATERAL (VALUES ${values.join(', ')}) AS c (key, value)
  WHERE c.value IS NOT NULL
), counted AS (
  SELECT key, CASE
      WHEN length(value #>> '{}') > ${keptCharacters} THEN to_jsonb(left(value #>> '{}', ${keptCharacters}) || '…')
      ELSE value
    END AS value, count(*) AS count
  FROM held WHERE key = ANY ($2::text[])
  GROUP BY 1, 2
), ranked AS (
  SELECT key, value, count,
    sum(count) OVER (PARTITION BY key) AS holders,
    count(*) OVER (PARTITION BY key) AS values,
    row_number() OVER (PARTITION BY key ORDER BY count DESC, value) AS place
  FROM counted
)
SELECT s.looked_at::integer, r.key, r.value, r.count::integer, r.holders::integer
FROM (SELECT count(*) AS looked_at FROM sample) AS s
LEFT JOIN ranked AS r ON r.place <= ${listedValues} AND (r.count > 1 OR r.values <= ${listedValues})
ORDER BY r.key, r.place`;
}
