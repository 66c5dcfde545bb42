import { MusterError, problem } from '../../errors/index.js';
import type { CellRows, ItemRows, RowFile } from '../rows/open.js';
import type { CustomKeys } from './batch.js';
import { csvRows } from './csv-rows.js';
import type { ColumnReport } from './column.js';
import type { BuiltRow, KnownTypes } from './csv-rows.js';
import type { Owner } from './fields.js';
import { ndjsonRow } from './ndjson.js';
import type { ItemOptions, SentTraits } from './ndjson.js';
import type { CellOptions } from './options.js';
import { planColumns } from './plan.js';
import { itemColumn, ownTable, unguarded } from './rejects.js';

/** A file whose first pass is done. */
export interface Reader {
  /** Names of the columns that rejected rows are written with. */
  readonly header: readonly string[];
  /** Custom traits that rows hold by position. */
  readonly customKeys: CustomKeys;
  /** Reads all rows again, piece by piece; gives the bytes read so far after each piece. */
  rows(onRow: (line: number, built: BuiltRow, cells: readonly string[]) => void): AsyncIterable<number>;
  /** Traits that the rows had a value of, once they are read. */
  sent(of: Owner): Iterable<string>;
  /** What became of the columns, once the rows are read; empty for JSON. */
  columns(): ColumnReport[];
}

export interface ReadOptions {
  readonly cells: CellOptions;
  /** Types that custom traits have already; asked once the first pass is done. */
  readonly typesOf: (keys: CustomKeys) => Promise<KnownTypes>;
  /** Hears of the bytes read so far. */
  readonly onProgress: (done: number) => void;
}

/** Nobody has a trait yet: the types of a file that is read and stored nowhere. */
export const noTypes = async (): Promise<KnownTypes> => ({ user: new Map(), company: new Map() });

/** Reads the file a first time, all of it: refuses what is malformed and decides what each CSV column is. */
export async function openReader(file: RowFile, options: ReadOptions): Promise<Reader> {
  if (file.kind === 'items') return readItems(file, options);
  const items = rejectedItems(file);
  return items === null ? readCells(file, options) : readItems(items, options);
}

/** The rejected JSON values that come back as a table; null for any other table. */
export function rejectedItems(file: CellRows): Pick<ItemRows, 'rows'> | null {
  const at = file.header.indexOf(itemColumn);
  if (at === -1) return null;
  return {
    rows: (onItem) => file.rows((line, cells) => onItem(line, unguarded(cells[at] ?? ''))),
  };
}

async function readItems(file: Pick<ItemRows, 'rows'>, { cells, onProgress }: ReadOptions): Promise<Reader> {
  for await (const done of file.rows(() => undefined)) onProgress(done);
  const sent: SentTraits = { user: new Set(), company: new Set() };
  const options: ItemOptions = { key: cells.key ?? 'user_id', dates: cells.dates ?? null };
  return {
    header: [itemColumn],
    customKeys: { user: [], company: [] },
    rows: (onRow) =>
      file.rows((line, text) => onRow(line, ndjsonRow(text, options, sent), text === null ? [] : [text])),
    sent: (of) => sent[of],
    columns: () => [],
  };
}

async function readCells(
  file: CellRows,
  { cells: options, typesOf, onProgress }: ReadOptions,
): Promise<Reader> {
  const { guarded, header, own, keep } = ownTable(file.header);
  const plan = planColumns(header, options, file.titled);
  const table = { guarded, semicolons: file.delimiter === ';' };
  let rows = csvRows(plan, options, table);
  const isRow = (cells: readonly string[]): boolean =>
    plan.preset?.notRows?.test(cells[0] ?? '') !== true || cells.slice(1).some((cell) => cell !== '');
  const reading = file.rows(
    (_, cells, fault) => {
      if (fault === null) rows.see(cells);
    },
    () => {
      rows = csvRows(plan, options, table);
    },
  );
  for await (const done of reading) onProgress(done);
  if (options.strict === true) refuseUnnamed(rows.report());
  rows.decide(await typesOf(rows.customKeys));
  return {
    header: own,
    customKeys: rows.customKeys,
    rows: (onRow) =>
      file.rows((line, cells, fault) => {
        if (!isRow(cells)) return;
        onRow(line, fault === null ? rows.build(cells) : { problems: [fault] }, keep(cells));
      }),
    sent: (of) => rows.sent(of),
    columns: () => rows.report(),
  };
}

/** A column without a name is only known to matter once something was found in it. */
function refuseUnnamed(columns: readonly ColumnReport[]): void {
  const unnamed = columns.filter(({ name, field }) => name === '' && field === null);
  const problems = unnamed.map(({ map }) =>
    problem('import_unnamed_column', { position: /\d+/.exec(map ?? '')?.[0] ?? '' }),
  );
  if (problems.length > 0) throw new MusterError(problems);
}
