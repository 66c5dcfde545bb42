import type { BroadcastDefinition, Verdict } from './model.js';
import { sendingVerdicts, verdicts } from './model.js';

/**
 * The number before a launch, and what it is made of: `matched` = `will_send` + `deferred` + `suppressed` + `unreachable` +
 * `capped` + `passed` + `duplicate`. `to_send`, the first two, is how many messages there will be.
 */
export interface Breakdown extends Readonly<Record<Verdict, number>> {
  readonly matched: number;
  readonly to_send: number;
  /** Of those to be sent to. */
  readonly variants: readonly { readonly key: string; readonly percent: number; readonly to_send: number }[];
  /** Merge tags without a fallback, and how many of those who would read them have no value. */
  readonly variables: readonly { readonly field: string; readonly without: number }[];
  /** Who is sent to by the workspace's zone, because their own is unknown; 0 where zones do not matter. */
  readonly unknown_zone: number;
  /** For how many the hour is over; what happens to them is the schedule's `passed`. */
  readonly late: number;
  /** When the first and the last are due; null where nobody is. ISO 8601. */
  readonly first_due_at: string | null;
  readonly last_due_at: string | null;
}

/** The breakdown of a run `r`. One that was launched before there were duplicates has none. */
export const breakdownColumn = `'{"duplicate": 0}'::jsonb || r.breakdown AS breakdown`;

/** One row of the count: people of one verdict and variant. */
export interface CountRow {
  readonly verdict: Verdict;
  readonly variant: string;
  readonly count: number;
  readonly unzoned: number;
  readonly late: number;
  /** When they are due, or would be if they were sent to. */
  readonly first_due: Date | null;
  readonly last_due: Date | null;
  /** How many have each variable, in the order asked. */
  readonly having: readonly number[];
}

/** The columns of `CountRow` over `judged`, grouped by verdict and variant. */
export function countColumns(variables: number): string {
  const having = Array.from(
    { length: variables },
    (_, index) => `count(*) FILTER (WHERE has${index})::integer`,
  );
  return `verdict, variant, count(*)::integer AS count, count(*) FILTER (WHERE unzoned)::integer AS unzoned,
    count(*) FILTER (WHERE late)::integer AS late, min(due_at) AS first_due, max(due_at) AS last_due,
    ARRAY[${having.join(', ')}]::integer[] AS having`;
}

/** The same over rows of `countColumns`, grouped by verdict and variant once more. */
export function sumColumns(variables: number): string {
  const having = Array.from({ length: variables }, (_, index) => `sum("having"[${index + 1}])::integer`);
  return `verdict, variant, sum(count)::integer AS count, sum(unzoned)::integer AS unzoned, sum(late)::integer AS late,
    min(first_due) AS first_due, max(last_due) AS last_due, ARRAY[${having.join(', ')}]::integer[] AS having`;
}

/** Adds the rows up. @param fields the fields whose presence was counted, in order */
export function breakdownOf(
  definition: BroadcastDefinition,
  fields: readonly string[],
  rows: readonly CountRow[],
): Breakdown {
  const sum = (some: readonly CountRow[], of: (row: CountRow) => number): number =>
    some.reduce((total, row) => total + of(row), 0);
  const sent = rows.filter(({ verdict }) => sendingVerdicts.includes(verdict));
  const count = ({ count: each }: CountRow): number => each;
  const dues = sent
    .flatMap(({ first_due: first, last_due: last }) => [first, last])
    .filter((due) => due !== null);
  const ordered = dues.map((due) => due.getTime()).toSorted((one, other) => one - other);
  return {
    matched: sum(rows, count),
    to_send: sum(sent, count),
    ...countsBy(rows),
    variants: definition.variants.map(({ key, percent }) => ({
      key,
      percent,
      to_send: sum(
        sent.filter(({ variant }) => variant === key),
        count,
      ),
    })),
    variables: fields.map((field, index) => ({
      field,
      without: sum(sent, (row) => row.count - (row.having[index] ?? 0)),
    })),
    unknown_zone: sum(sent, ({ unzoned }) => unzoned),
    late: sum(rows, ({ late }) => late),
    first_due_at: shown(ordered[0]),
    last_due_at: shown(ordered.at(-1)),
  };
}

function countsBy(rows: readonly CountRow[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = {
    suppressed: 0,
    unreachable: 0,
    capped: 0,
    passed: 0,
    duplicate: 0,
    deferred: 0,
    will_send: 0,
  };
  for (const verdict of verdicts)
    counts[verdict] = rows
      .filter((row) => row.verdict === verdict)
      .reduce((total, row) => total + row.count, 0);
  return counts;
}

function shown(instant: number | undefined): string | null {
  return instant === undefined ? null : new Date(instant).toISOString();
}
