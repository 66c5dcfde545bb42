import type { Client, Pool } from '../database/pool.js';
import { amidstAudience, amidstEngine, inAudience } from '../database/workspace.js';
import { refuse } from '../errors/index.js';
import type { Field } from '../filter/fields.js';
import { compileSql } from '../filter/sql.js';
import { timeOf } from '../filter/sql/time-of.js';
import type { UserRecord } from '../filter/record.js';
import type { Moment } from '../filter/time.js';
import { leavesOf } from '../filter/tree.js';
import type { Filter } from '../filter/tree.js';
import { tallyOf, tallyStatement } from './statements/tally.js';
import type { Statement, Tally, TallyRow } from './statements/tally.js';
import { fieldValues, valuesStatement } from './statements/values.js';
import type { FieldValues, ValueRow } from './statements/values.js';

/** One person of a sample. */
export interface SamplePerson {
  readonly user_id: string | null;
  readonly name: string | null;
  readonly email: string | null;
}

/** Counts in one statement. Postgres gives a row no more than 1,664 columns. */
const mostColumns = 1000;

/** The people of one workspace as one snapshot of the database shows them; nothing can be written through it. */
export interface People {
  /** How many people match. */
  count(filter: Filter): Promise<number>;
  /** How many people match each filter, found in one pass over the workspace for each thousand. */
  countEach(filters: readonly Filter[]): Promise<number[]>;
  /** The first matching people by `user_id`, those without one last. */
  sample(filter: Filter, size: number): Promise<SamplePerson[]>;
  /** So many matching people by internal id, from the one behind `after` on. */
  page(
    filter: Filter,
    page: { readonly size: number; readonly after: string | null },
  ): Promise<(SamplePerson & { readonly id: string })[]>;
  /** The same with everything that is stored of them and of their company, events apart. */
  records(
    filter: Filter,
    page: { readonly size: number; readonly after: string | null },
  ): Promise<{ readonly id: string; readonly record: UserRecord }[]>;
  /** Everybody, by the reasons for which they pass or fail each leaf of a filter, found in one pass over the workspace. */
  tally(filter: Filter): Promise<Tally>;
  /**
   * The rows of a statement over those who match. It may read the tables of audiences and no others. `avoid` names plans that are
   * not to be made, where the planner would take a common text for rare.
   */
  over<Row>(
    filter: Filter,
    statement: (parts: AudienceParts) => string,
    avoid?: readonly ('bitmapscan' | 'seqscan' | 'sort')[],
  ): Promise<Row[]>;
  /** The most frequent values of each field among the first 10,000 people. */
  commonValues(fields: readonly Field[]): Promise<FieldValues[]>;
}

export interface SnapshotOptions {
  readonly workspaceId: string;
  readonly moment: Moment;
  /** Milliseconds that one statement may take; beyond it the whole snapshot is given up. */
  readonly timeoutMs: number;
}

/**
 * Opens one consistent, read-only snapshot of a workspace and closes it afterwards, whatever happens.
 *
 * Errors: `audience_timeout` when a statement takes longer than `timeoutMs`.
 */
export async function inSnapshot<T>(
  pool: Pool,
  options: SnapshotOptions,
  look: (people: People) => Promise<T>,
): Promise<T> {
  try {
    return await inAudience(pool, options.timeoutMs, (client) => look(peopleOf(client, options)));
  } catch (error) {
    if (!isTimeout(error)) throw error;
    return refuse('audience_timeout', { seconds: options.timeoutMs / 1000 }, { cause: error });
  }
}

/**
 * Who of these people matches, in the middle of a transaction of the caller's, which sees what that transaction wrote.
 * A failure leaves the transaction as it was before.
 *
 * @param ids internal ids; answered are those of them that match, in no order
 */
export async function matchingAmong(
  client: Client,
  { workspaceId, moment }: Pick<SnapshotOptions, 'workspaceId' | 'moment'>,
  filter: Filter,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await amidstAudience(client, () =>
    selectPeople<{ id: string }>(client, workspaceId, moment, {
      columns: ['u.id'],
      where: filter,
      among: ids,
    }),
  );
  return rows.map(({ id }) => id);
}

/** A person whom a stream brings, by internal id. */
export interface StreamedPerson {
  readonly id: string;
  /** What the field of `dates` holds, in milliseconds since 1970 (UTC); null where it was not asked for. */
  readonly date: number | null;
  /** What the custom field of `zones` holds, whatever that is; null where it was not asked for. */
  readonly zone: unknown;
}

export interface StreamOptions extends SnapshotOptions {
  /** Internal id after which it goes on; null for the beginning. */
  readonly after: string | null;
  /** People brought at once. */
  readonly size: number;
  /** What to read of each of them besides. */
  readonly read?: { readonly date: TimeField; readonly zone: string };
}

type TimeField = Parameters<typeof timeOf>[0];

/**
 * Brings everybody who matches, some at a time, in the order of their internal ids, as one snapshot of the database shows
 * them; until `take` answers that it is enough. Whatever is written meanwhile needs another connection. Answers whether
 * it came to the end.
 *
 * Errors: `audience_timeout` when one stretch takes longer than `timeoutMs`.
 */
export async function streamPeople(
  pool: Pool,
  options: StreamOptions,
  filter: Filter,
  take: (people: readonly StreamedPerson[]) => Promise<boolean>,
): Promise<boolean> {
  const { workspaceId, moment, timeoutMs, after, size, read } = options;
  try {
    return await inAudience(pool, timeoutMs, async (client) => {
      // All of it is wanted, which a cursor does not take for granted.
      await client.query('SET LOCAL cursor_tuple_fraction = 1');
      await selectPeople(client, workspaceId, moment, {
        opening: 'DECLARE people NO SCROLL CURSOR FOR ',
        columns: read === undefined ? ['u.id'] : ['u.id', `${inMilliseconds(timeOf(read.date))} AS date`],
        ...(read === undefined ? {} : { customField: read.zone }),
        where: filter,
        ...(after === null ? {} : { after }),
        tail: 'ORDER BY u.id',
      });
      for (;;) {
        const { rows } = await client.query<{ id: string; date?: number; zone?: unknown }>(
          `FETCH ${size} FROM people`,
        );
        if (rows.length === 0) return true;
        const people = rows.map(({ id, date = null, zone = null }) => ({ id, date, zone }));
        if (!(await take(people))) return false;
        if (rows.length < size) return true;
      }
    });
  } catch (error) {
    if (!isTimeout(error)) throw error;
    return refuse('audience_timeout', { seconds: timeoutMs / 1000 }, { cause: error });
  }
}

function inMilliseconds(time: string): string {
  return `floor(extract(epoch FROM ${time}) * 1000)::double precision`;
}

/** What a statement over an audience is made of. */
export interface AudienceParts {
  /** A condition on `end_users u`, true for the people of the workspace who match. */
  readonly where: string;
  /** The parameter that holds the workspace. */
  readonly workspace: '$1';
  /** Takes a value and answers its placeholder. */
  readonly bind: (value: unknown) => string;
  /** Another condition on `u`. */
  readonly matches: (filter: Filter) => string;
}

/**
 * Runs one statement over the people who match, in the middle of a transaction of the caller's that `inWorkspace` began. It
 * may read and write what is not the audience's: every table that it names is to be bound to the workspace.
 *
 * Errors: `audience_timeout`, after which the transaction is over.
 */
export async function overAudience<Row>(
  client: Client,
  { workspaceId, moment, timeoutMs }: SnapshotOptions,
  filter: Filter,
  statement: (parts: AudienceParts) => string,
): Promise<Row[]> {
  const { text, values } = statementOver(workspaceId, moment, filter, statement);
  try {
    const { rows } = await amidstEngine(client, timeoutMs, () =>
      client.query<Row & Record<string, unknown>>(text, values),
    );
    return rows;
  } catch (error) {
    if (!isTimeout(error)) throw error;
    return refuse('audience_timeout', { seconds: timeoutMs / 1000 }, { cause: error });
  }
}

function statementOver(
  workspaceId: string,
  moment: Moment,
  filter: Filter,
  statement: (parts: AudienceParts) => string,
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [workspaceId];
  const matches = (asked: Filter): string => {
    const sql = compileSql(asked, { moment, offset: values.length, alias: 'u', workspaceParameter: 1 });
    values.push(...sql.values);
    return `(${sql.text})`;
  };
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const where = `u.workspace_id = $1 AND ${matches(filter)}`;
  return { text: statement({ where, workspace: '$1', bind, matches }), values };
}

/**
 * Who matches of those whose internal ids lie behind `after` and up to `upto` (null: from the first, to the last), inside a
 * transaction of the caller's, as `matchingAmong`. Answered are internal ids.
 */
export async function matchingBetween(
  client: Client,
  { workspaceId, moment }: Pick<SnapshotOptions, 'workspaceId' | 'moment'>,
  filter: Filter,
  between: { readonly after: string | null; readonly upto: string | null },
): Promise<string[]> {
  const rows = await amidstAudience(client, () =>
    selectPeople<{ id: string }>(client, workspaceId, moment, {
      columns: ['u.id'],
      where: filter,
      ...(between.after === null ? {} : { after: between.after }),
      ...(between.upto === null ? {} : { upto: between.upto }),
    }),
  );
  return rows.map(({ id }) => id);
}

function peopleOf(client: Client, { workspaceId, moment }: SnapshotOptions): People {
  const run = async <Row>({ text, values }: Statement): Promise<Row[]> => {
    const { rows } = await client.query<Row & Record<string, unknown>>(text, [workspaceId, ...values]);
    return rows;
  };
  const select = <Row>(parts: SelectParts): Promise<Row[]> =>
    selectPeople(client, workspaceId, moment, parts);
  return {
    async count(filter) {
      const rows = await select<{ count: string }>({ columns: ['count(*) AS count'], where: filter });
      return Number(rows[0]?.count ?? 0);
    },
    async countEach(filters) {
      const counts: number[] = [];
      for (let from = 0; from < filters.length; from += mostColumns) {
        const some = filters.slice(from, from + mostColumns);
        const rows = await select<Record<string, string>>({ countEach: some });
        counts.push(...some.map((_, index) => Number(rows[0]?.[`c${index}`] ?? 0)));
      }
      return counts;
    },
    async sample(filter, size) {
      if (size === 0) return [];
      return select<SamplePerson>({
        columns: ['u.user_id', 'u.name', 'u.email'],
        where: filter,
        tail: `ORDER BY u.user_id NULLS LAST, u.id LIMIT ${size}`,
      });
    },
    async page(filter, { size, after }) {
      return select<SamplePerson & { id: string }>({
        columns: ['u.id', 'u.user_id', 'u.name', 'u.email'],
        where: filter,
        ...(after === null ? {} : { after }),
        tail: `ORDER BY u.id LIMIT ${size}`,
      });
    },
    async records(filter, { size, after }) {
      return select<{ id: string; record: UserRecord }>({
        columns: ['u.id', `to_jsonb(u) || jsonb_build_object('company', (${theirCompany})) AS record`],
        where: filter,
        ...(after === null ? {} : { after }),
        tail: `ORDER BY u.id LIMIT ${size}`,
      });
    },
    async tally(filter) {
      const leaves = leavesOf(filter).map(({ leaf }) => leaf);
      return tallyOf(await run<TallyRow>(tallyStatement(leaves, moment)), leaves);
    },
    async over<Row>(
      filter: Filter,
      statement: (parts: AudienceParts) => string,
      avoid: readonly string[] = [],
    ) {
      const { text, values } = statementOver(workspaceId, moment, filter, statement);
      const set = (to: string): string => avoid.map((plan) => `SET LOCAL enable_${plan} TO ${to}`).join('; ');
      if (avoid.length > 0) await client.query(set('off'));
      const { rows } = await client.query<Row & Record<string, unknown>>(text, values);
      if (avoid.length > 0) await client.query(set('DEFAULT'));
      return rows;
    },
    async commonValues(fields) {
      if (fields.length === 0) return [];
      return fieldValues(await run<ValueRow>(valuesStatement(fields, moment)), fields);
    },
  };
}

const theirCompany =
  'SELECT to_jsonb(c) FROM companies AS c WHERE c.workspace_id = $1 AND c.company_id = u.company_id';

interface SelectParts {
  /** What stands before the SELECT. */
  readonly opening?: string;
  readonly columns?: readonly string[];
  readonly countEach?: readonly Filter[];
  readonly where?: Filter;
  /** Internal ids of those who are asked about; everybody when left out. */
  readonly among?: readonly string[];
  /** Internal id after which it begins. */
  readonly after?: string;
  /** Key of a custom field that is read as `zone`. */
  readonly customField?: string;
  /** Internal id with which it ends. */
  readonly upto?: string;
  readonly tail?: string;
}

/**
 * This file is the only one that runs compiled audience SQL: the workspace is bound first, in every statement, and the
 * filter's values follow it.
 */
async function selectPeople<Row>(
  client: Client,
  workspaceId: string,
  moment: Moment,
  parts: SelectParts,
): Promise<Row[]> {
  const values: unknown[] = [workspaceId];
  const among = parts.among === undefined ? '' : ` AND u.id = ANY ($${values.push(parts.among)}::uuid[])`;
  const after = parts.after === undefined ? '' : ` AND u.id > $${values.push(parts.after)}::uuid`;
  const upto = parts.upto === undefined ? '' : ` AND u.id <= $${values.push(parts.upto)}::uuid`;
  const compiled = (filter: Filter): string => {
    const sql = compileSql(filter, { moment, offset: values.length, alias: 'u', workspaceParameter: 1 });
    values.push(...sql.values);
    return sql.text;
  };
  const columns = [
    ...(parts.columns ?? []),
    ...(parts.customField === undefined
      ? []
      : [`u.custom_fields -> $${values.push(parts.customField)}::text AS zone`]),
    ...(parts.countEach ?? []).map(
      (filter, index) => `count(*) FILTER (WHERE ${compiled(filter)}) AS c${index}`,
    ),
  ];
  const where = parts.where === undefined ? '' : ` AND (${compiled(parts.where)})`;
  const from = `FROM end_users AS u WHERE u.workspace_id = $1${among}${after}${upto}${where}`;
  const text = `${parts.opening ?? ''}SELECT ${columns.join(', ')} ${from} ${parts.tail ?? ''}`;
  const { rows } = await client.query<Row & Record<string, unknown>>(text, values);
  return rows;
}

function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '57014';
}
