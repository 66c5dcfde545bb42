import { refuse } from '../../errors/index.js';
import { reasons } from '../../filter/explain/reason.js';
import type { AlikeGroup } from '../../filter/funnel.js';
import { compileReasons } from '../../filter/sql/reasons.js';
import type { CompiledReasons } from '../../filter/sql/reasons.js';
import { fence } from '../../filter/sql/reasons/looks.js';
import type { Moment } from '../../filter/time.js';
import type { Leaf } from '../../filter/tree.js';

/** A statement whose first parameter is the workspace; `values` are those that follow it. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** So many people whom every leaf judges alike. */
export interface TallyGroup extends AlikeGroup {
  /** Values of those of them who fail a leaf, as JSON that may be cut short: the nearest time, or the first and the last. */
  readonly examplesOf: (leaf: number) => readonly string[];
}

/** Everybody in groups. They are read one at a time, because to read all of them at once would hold the event loop. */
export interface Tally {
  readonly rows: readonly TallyRow[];
  readonly groupOf: (row: TallyRow) => TallyGroup;
}

export interface TallyRow extends Readonly<Record<string, unknown>> {
  /** The reasons, three bits a leaf: one number, or several where there are many leaves. */
  readonly alike: string | readonly string[];
  readonly people: number;
}

/** Three bits for each of them stay below 2^53. */
const leavesPerNumber = 17;
/** More ways to fail than anybody could read. */
const mostGroups = 100_000;
/** Reasons in all of them together, which bounds the memory and the time that a report takes whatever the filter is. */
const mostReasons = 10_000_000;

function mostGroupsOf(leaves: readonly Leaf[]): number {
  return Math.min(mostGroups, Math.floor(mostReasons / leaves.length));
}

/**
 * Classifies everybody under every leaf and counts those who are alike, in one pass.
 *
 * Whatever a report tells is in these few hundred rows: each clause alone and so far, and whom a change would gain. An
 * aggregate for each of those numbers would be asked about every person. The reasons are packed into one column because
 * Postgres expects 200 groups of one, and of several so many that it gives up the parallel plan.
 */
export function tallyStatement(leaves: readonly Leaf[], moment: Moment): Statement {
  const compiled = compileReasons(leaves, { moment, offset: 1, workspaceParameter: 1, examples: true });
  const numbers: string[] = [];
  for (let start = 0; start < leaves.length; start += leavesPerNumber) {
    numbers.push(packed(compiled.reasons.slice(start, start + leavesPerNumber)));
  }
  const several = numbers.length > 1;
  const alike = several ? `ARRAY[${numbers.join(', ')}]` : numbers.join('');
  const examples = examplesIn(compiled, several);
  const columns = ['alike', 'count(*)::float8 AS people', ...examples.columns];
  const told = `SELECT *, ${alike} AS alike FROM (${compiled.people}) AS people ${fence}`;
  const shown =
    examples.values.length === 0
      ? told
      : `SELECT alike, ${examples.values.join(', ')} FROM (${told}) AS told ${fence}`;
  const text = `
    SELECT ${columns.join(', ')} FROM (${shown}) AS shown GROUP BY alike LIMIT ${mostGroupsOf(leaves) + 1}`;
  return { text, values: compiled.values };
}

function packed(codes: readonly string[]): string {
  return codes.map((code, index) => `((${code})::bigint << ${3 * index})`).join(' + ');
}

/** Each value is read once, and only of those whose value is shown: the aggregates pass over everybody else. */
function examplesIn(
  { examples }: CompiledReasons,
  several: boolean,
): { values: string[]; columns: string[] } {
  const values: string[] = [];
  const columns = examples.flatMap((picks, leaf) => {
    if (picks.length === 0) return [];
    const number = several ? `alike[${1 + Math.floor(leaf / leavesPerNumber)}]` : 'alike';
    const code = `(${number} >> ${3 * (leaf % leavesPerNumber)}) & 7`;
    const picked = picks.flatMap((pick) => {
      const codes = pick.reasons.map((reason) => reasons.indexOf(reason));
      const name = `e${values.length}`;
      values.push(`CASE WHEN ${code} IN (${codes.join(', ')}) THEN ${pick.value} END AS ${name}`);
      return pick.aggregates(name);
    });
    // As text, which costs nothing to take in; most groups have none.
    const json = `json_build_array(${picked.join(', ')})::text`;
    return [`CASE WHEN num_nonnulls(${picked.join(', ')}) > 0 THEN ${json} END AS x${leaf}`];
  });
  return { values, columns };
}

/** Errors: `too_many_reasons`. */
export function tallyOf(rows: readonly TallyRow[], leaves: readonly Leaf[]): Tally {
  const most = mostGroupsOf(leaves);
  if (rows.length > most) return refuse('too_many_reasons', { most });
  return { rows, groupOf: (row) => groupOf(row, leaves) };
}

function groupOf(row: TallyRow, leaves: readonly Leaf[]): TallyGroup {
  const numbers = (typeof row.alike === 'string' ? [row.alike] : row.alike).map(Number);
  return {
    people: row.people,
    reasons: leaves.map((_, leaf) => {
      const number = numbers[Math.floor(leaf / leavesPerNumber)] ?? 0;
      // Beyond 32 bits JavaScript shifts no more.
      const code = Math.floor(number / 8 ** (leaf % leavesPerNumber)) % 8;
      return reasons[code] ?? 'different';
    }),
    examplesOf: (leaf) => {
      const json = row[`x${leaf}`];
      const examples: unknown = typeof json === 'string' ? JSON.parse(json) : [];
      return Array.isArray(examples) ? examples.filter((each) => typeof each === 'string') : [];
    },
  };
}
