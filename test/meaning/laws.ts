import type { Pool, PoolClient } from 'pg';
import { compileExplanation } from '../../src/filter/explain.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import { equalFilters, printFilter } from '../../src/filter/print.js';
import type { UserRecord } from '../../src/filter/record.js';
import { reasons } from '../../src/filter/explain/reason.js';
import { compileReasons } from '../../src/filter/sql/reasons.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf, type Moment } from '../../src/filter/time.js';
import { leavesOf } from '../../src/filter/tree.js';
import type { Filter } from '../../src/filter/tree.js';
import { savedSegments } from './generator.js';

/** A place where two readers part, with all that is needed to make a case of it. */
export interface Disagreement {
  law: string;
  filter: string;
  now: string;
  zone: string;
  user?: UserRecord | undefined;
  detail: string;
}

/** A population that is in the database and in memory, in the same order: by `user_id`, else `anonymous_id`. */
export interface Population {
  pool: Pool;
  workspaceId: string;
  users: readonly UserRecord[];
}

export interface Trial {
  document: unknown;
  now: string;
  zone: string;
}

export const keyOf = (user: UserRecord): string => user.user_id ?? user.anonymous_id ?? '';

/**
 * The reasons that SQL gives for everybody at once are the explanation's, person by person and leaf by leaf.
 */
export async function checkReasons(
  { pool, workspaceId, users }: Population,
  trials: readonly Trial[],
): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (const trial of trials) {
    const moment = momentOf(trial.now, trial.zone);
    const filter = parseFilter(trial.document, options);
    const leaves = leavesOf(filter).map(({ leaf }) => leaf);
    const compiled = compileReasons(leaves, { moment, offset: 1, workspaceParameter: 1 });
    const { rows } = await pool.query<{ codes: string }>(
      `SELECT concat(${compiled.reasons.join(', ')}) AS codes FROM (${compiled.people}) AS people
       JOIN end_users AS named ON named.workspace_id = $1 AND named.id = people.id
       ORDER BY coalesce(named.user_id, named.anonymous_id)`,
      [workspaceId, ...compiled.values],
    );
    const explained = compileExplanation(filter, moment);
    users.forEach((user, index) => {
      const { clauses } = explained(user);
      const expected = clauses.map(({ reason }) => reasons.indexOf(reason)).join('');
      const got = rows[index]?.codes ?? '';
      if (got === expected || found.length >= 20) return;
      found.push(
        disagreement('reasons in SQL = explanation', trial, `expected ${expected}, got ${got}`, user),
      );
    });
    if (found.length >= 20) break;
  }
  return found;
}

interface Prepared {
  trial: Trial;
  filter: Filter;
  moment: Moment;
  /** One character a user, `1` where the predicate says yes. */
  verdicts: string;
}

const batchSize = 8;

const options = { segments: savedSegments };

/**
 * Holds every law for a list of trials against one population and returns where a law does not hold:
 * SQL = predicate = explanation, `!X` is the complement of X in SQL and in memory, an added `or` arm loses nobody,
 * index on = index off, parse(print(tree)) = tree.
 */
export async function checkLaws(population: Population, trials: readonly Trial[]): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (let start = 0; start < trials.length && found.length < 20; start += batchSize) {
    const batch = trials.slice(start, start + batchSize).map((trial) => prepare(population, trial, found));
    await checkSql(population, batch, found);
    batch.forEach((prepared, index) =>
      checkArm(population, prepared, batch[(index + 1) % batch.length] ?? prepared, found),
    );
    const first = batch[0];
    if (first !== undefined) await checkIndexes(population, first, found);
  }
  return found;
}

function prepare({ users }: Population, trial: Trial, found: Disagreement[]): Prepared {
  const moment = momentOf(trial.now, trial.zone);
  const filter = parseFilter(trial.document, options);
  const printed: unknown = JSON.parse(JSON.stringify(printFilter(filter)));
  if (!equalFilters(parseFilter(printed, options), filter)) {
    found.push(disagreement('parse(print(tree)) = tree', trial, JSON.stringify(printed)));
  }
  const matches = compilePredicate(filter, moment);
  const complement = compilePredicate(parseFilter({ '!': trial.document }, options), moment);
  const explain = compileExplanation(filter, moment);
  let verdicts = '';
  for (const user of users) {
    const verdict = matches(user);
    verdicts += verdict ? '1' : '0';
    if (complement(user) === verdict) {
      found.push(disagreement('!X is the complement of X in memory', trial, `both are ${verdict}`, user));
    }
    if (explain(user).matched !== verdict) {
      found.push(disagreement('explanation = predicate', trial, `the predicate says ${verdict}`, user));
    }
  }
  return { trial, filter, moment, verdicts };
}

async function checkSql(
  population: Population,
  batch: readonly Prepared[],
  found: Disagreement[],
): Promise<void> {
  const values: unknown[] = [population.workspaceId];
  const columns: string[] = [];
  for (const { filter, moment } of batch) {
    for (const node of [filter, { kind: 'not', path: '', operand: filter } as const]) {
      const compiled = compileSql(node, { moment, offset: values.length });
      values.push(...compiled.values);
      columns.push(
        `string_agg(CASE WHEN (${compiled.text}) THEN '1' ELSE '0' END, '') AS c${columns.length}`,
      );
    }
  }
  const text = `SELECT ${columns.join(', ')} FROM (
    SELECT * FROM end_users WHERE workspace_id = $1 ORDER BY coalesce(user_id, anonymous_id)) u`;
  const { rows } = await population.pool.query<Record<string, string>>(text, values);
  const row = rows[0] ?? {};
  batch.forEach(({ trial, verdicts }, index) => {
    compare(population, trial, 'SQL = predicate', verdicts, row[`c${index * 2}`] ?? '', found);
    compare(
      population,
      trial,
      '!X is the complement of X in SQL',
      invert(verdicts),
      row[`c${index * 2 + 1}`] ?? '',
      found,
    );
  });
}

function checkArm({ users }: Population, one: Prepared, other: Prepared, found: Disagreement[]): void {
  const either = compilePredicate({ kind: 'or', path: '', operands: [one.filter, other.filter] }, one.moment);
  users.forEach((user, index) => {
    if (one.verdicts[index] === '1' && !either(user)) {
      found.push(
        disagreement('an added or arm loses nobody', one.trial, JSON.stringify(other.trial.document), user),
      );
    }
  });
}

async function checkIndexes(
  population: Population,
  prepared: Prepared,
  found: Disagreement[],
): Promise<void> {
  const compiled = compileSql(prepared.filter, {
    moment: prepared.moment,
    offset: 1,
    alias: 'person',
    workspaceParameter: 1,
  });
  const text = `SELECT coalesce(person.user_id, person.anonymous_id) AS key FROM end_users person
    WHERE person.workspace_id = $1 AND (${compiled.text})`;
  const expected = population.users.filter((_, index) => prepared.verdicts[index] === '1').map(keyOf);
  const client = await population.pool.connect();
  try {
    for (const [law, off] of [
      ['index on = predicate', ['enable_seqscan']],
      ['index off = predicate', ['enable_indexscan', 'enable_bitmapscan', 'enable_indexonlyscan']],
    ] as const) {
      const ids = await withSettings(client, off, async () => {
        const { rows } = await client.query<{ key: string }>(text, [
          population.workspaceId,
          ...compiled.values,
        ]);
        return rows.map((row) => row.key);
      });
      if (ids.toSorted().join() !== expected.toSorted().join()) {
        found.push(disagreement(law, prepared.trial, `${ids.length} rows, expected ${expected.length}`));
      }
    }
  } finally {
    client.release();
  }
}

async function withSettings<T>(
  client: PoolClient,
  off: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  await client.query('BEGIN');
  try {
    for (const setting of off) await client.query(`SET LOCAL ${setting} = off`);
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

function compare(
  { users }: Population,
  trial: Trial,
  law: string,
  expected: string,
  got: string,
  found: Disagreement[],
): void {
  if (expected === got) return;
  const index = Array.from(expected).findIndex((verdict, at) => verdict !== got[at]);
  found.push(disagreement(law, trial, `expected ${expected[index]}, got ${got[index]}`, users[index]));
}

const invert = (verdicts: string): string =>
  verdicts.replace(/[01]/g, (verdict) => (verdict === '1' ? '0' : '1'));

function disagreement(law: string, trial: Trial, detail: string, user?: UserRecord): Disagreement {
  return {
    law,
    filter: JSON.stringify(trial.document),
    now: trial.now,
    zone: trial.zone,
    detail,
    ...(user && { user }),
  };
}
