import { nameOf } from '../../filter/fields.js';
import type { Field } from '../../filter/fields.js';
import { compileValues } from '../../filter/sql/reasons.js';
import type { Moment } from '../../filter/time.js';
import { shown } from '../../filter/explain/show.js';
import type { JsonValue } from '../../filter/explain/show.js';
import type { Statement } from './tally.js';

/** Which values a field has, most frequent first. */
export interface FieldValues {
  /** The `var` of the field. */
  readonly field: string;
  /** Up to ten values that at least two people have, or all values where there are at most ten. */
  readonly values: readonly { readonly value: JsonValue; readonly people: number }[];
  /** Whether everybody was looked at, or the first 10,000 by internal id, as good as drawn, of whom the counts then are. */
  readonly exact: boolean;
}

export interface ValueRow {
  readonly looked_at: number;
  /** Position of the field; null in the one row that comes when there is no value to list. */
  readonly field: number | null;
  readonly value: unknown;
  readonly people: number;
}

/** How many people are looked at. */
const valueSample = 10_000;
const listedValues = 10;

/** Bounded whatever the workspace's size: only so many people are looked at. */
export function valuesStatement(fields: readonly Field[], moment: Moment): Statement {
  const options = { moment, offset: 1, workspaceParameter: 1, limit: valueSample };
  const each = fields.map((_, field) => `(${field}, f${field})`);
  const text = `
    WITH sample AS MATERIALIZED (${compileValues(fields, options)}),
    counted AS (
      SELECT each.field, each.value, count(*) AS people
      FROM sample CROSS JOIN LATERAL (VALUES ${each.join(', ')}) AS each (field, value)
      WHERE each.value IS NOT NULL GROUP BY 1, 2
    ), ranked AS (
      SELECT field, value, people, count(*) OVER (PARTITION BY field) AS values,
        row_number() OVER (PARTITION BY field ORDER BY people DESC, value) AS place
      FROM counted
    )
    SELECT s.looked_at::integer, r.field, r.value, r.people::integer
    FROM (SELECT count(*) AS looked_at FROM sample) AS s
    LEFT JOIN ranked AS r ON r.place <= ${listedValues} AND (r.people > 1 OR r.values <= ${listedValues})
    ORDER BY r.field, r.place`;
  return { text, values: [] };
}

export function fieldValues(rows: readonly ValueRow[], fields: readonly Field[]): FieldValues[] {
  const exact = (rows[0]?.looked_at ?? 0) < valueSample;
  return fields.map((field, position) => ({
    field: nameOf(field),
    values: rows.flatMap((row) =>
      row.field === position ? [{ value: shown(row.value), people: row.people }] : [],
    ),
    exact,
  }));
}
