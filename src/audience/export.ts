import { stringify } from 'csv-stringify/sync';
import type { Pool } from '../database/pool.js';
import { MusterError, problem } from '../errors/index.js';
import { columns, nameOf } from '../filter/fields.js';
import type { Field } from '../filter/fields.js';
import { parseFilter } from '../filter/parse.js';
import type { UserRecord } from '../filter/record.js';
import type { Moment } from '../filter/time.js';
import { leavesOf } from '../filter/tree.js';
import type { Filter } from '../filter/tree.js';
import { columnInstant, isMissing, readerOf } from '../filter/values.js';
import { knownTraitNames } from '../traits/known-traits.js';
import { mostUsedTraits } from '../traits/catalogue/known.js';
import { inSnapshot } from './people.js';

export interface ExportAudience {
  readonly workspaceId: string;
  readonly filter: Filter;
  readonly moment: Moment;
  /** Fields as filters name them, in the order of the columns. Default: see `defaultFields`. */
  readonly fields?: readonly string[] | undefined;
  /** Runs the reading of each page, so that it takes turns with other work. Default: at once. */
  readonly inTurn?: <T>(read: () => Promise<T>) => Promise<T>;
}

/** Fields of one file, and custom traits of one that names no fields. */
export const mostFields = 1000;
const mostTraits = 500;

/** People of one page: each may hold 128 KiB of traits. */
const pageSize = 200;

interface Column {
  readonly header: string;
  readonly read: (person: UserRecord) => string | number;
}

/**
 * Everybody who matches, as the lines of a CSV file in UTF-8: a header, then one line a person. Text that a spreadsheet would
 * run as a formula gets a `'` in front. The header names columns so that an import puts them back where they were.
 *
 * People come page by page, so that a slow reader holds no connection; someone who starts to match behind the pages already
 * read is left out.
 *
 * Returns how many there were. Errors: `too_many_fields`, those of the language for a field, `audience_timeout`.
 */
export async function* exportAudience(pool: Pool, options: ExportAudience): AsyncGenerator<string, number> {
  const { workspaceId, filter, moment, inTurn = (read) => read() } = options;
  const names = options.fields ?? (await defaultFields(pool, workspaceId));
  const asked = columnsOf(names, moment);
  yield lines([asked.map(({ header }) => header)]);
  let after: string | null = null;
  let count = 0;
  for (;;) {
    const page: readonly { id: string; record: UserRecord }[] = await inTurn(() =>
      inSnapshot(pool, { workspaceId, moment, timeoutMs: 30_000 }, (people) =>
        people.records(filter, { size: pageSize, after }),
      ),
    );
    if (page.length > 0) yield lines(page.map(({ record }) => asked.map(({ read }) => read(record))));
    count += page.length;
    if (page.length < pageSize) return count;
    after = page.at(-1)?.id ?? null;
  }
}

/** Ids, the traits with columns of their own, the system columns, and the custom traits that the most people have. */
async function defaultFields(pool: Pool, workspaceId: string): Promise<string[]> {
  const traits = await mostUsedTraits(pool, workspaceId, mostTraits);
  const system = ['created_at', 'first_seen', 'last_seen', 'last_contacted_at'];
  return ['user_id', anonymousId, 'company.company_id', ...knownTraitNames, ...system].concat(
    traits.map((key) => `custom:${key}`),
  );
}

/** No field of a filter, but what a visitor is known by. */
const anonymousId = 'anonymous_id';

function columnsOf(names: readonly string[], moment: Moment): Column[] {
  if (names.length > mostFields) {
    const values = { count: names.length, limit: mostFields };
    throw new MusterError(problem('too_many_fields', values, { path: '/fields' }));
  }
  const problems: MusterError['problems'][number][] = [];
  const found = names.flatMap((name, index): Column[] => {
    if (name === anonymousId) return [{ header: name, read: (person) => person.anonymous_id ?? '' }];
    try {
      const [first] = leavesOf(parseFilter({ exists: { var: name } }));
      return first?.leaf.kind === 'presence' ? [columnOf(first.leaf.field, moment)] : [];
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      problems.push(...error.problems.map((each) => ({ ...each, path: `/fields/${index}` })));
      return [];
    }
  });
  if (problems.length > 0) throw new MusterError(problems);
  return found;
}

function columnOf(field: Field, moment: Moment): Column {
  const read = readerOf(field, moment);
  const isTime = field.kind === 'column' && field.type === 'time';
  return {
    header: headerOf(field),
    read: (person) => {
      const value = read(person);
      return isTime && !isMissing(value) ? new Date(columnInstant(value)).toISOString() : cellOf(value);
    },
  };
}

/** As an import reads it: `company_id`, and the key of a custom trait unless a column has that name. */
function headerOf(field: Field): string {
  const name = nameOf(field);
  if (name === 'company.company_id') return 'company_id';
  if (field.kind !== 'custom' || field.entity !== 'user' || field.form !== 'key') return name;
  const key = name.slice('custom:'.length);
  return Object.hasOwn(columns, key) || key === anonymousId ? name : key;
}

function cellOf(value: unknown): string | number {
  if (isMissing(value)) return '';
  if (typeof value === 'string' || typeof value === 'number') return value;
  return JSON.stringify(value);
}

function lines(rows: readonly (readonly (string | number)[])[]): string {
  return stringify(
    rows.map((row) => [...row]),
    { escape_formulas: true, record_delimiter: '\r\n' },
  );
}
