import type { CellRows, ItemRows, RowFile } from '../rows/open.js';
import { emptyWords } from './cells/words.js';
import type { ColumnReport } from './column.js';
import { eventColumns } from './event-columns.js';
import { eventItem, eventRows } from './event-rows.js';
import type { BuiltEvent, EventRowsOptions } from './event-rows.js';
import type { CellOptions } from './options.js';
import { rejectedItems } from './reader.js';
import { itemColumn, ownTable } from './rejects.js';

/** How a file of events is read; all of it may be left out. */
export type EventCellOptions = Pick<CellOptions, 'map' | 'dates' | 'nulls' | 'strict'>;

/** A file of events whose first pass is done. */
export interface EventReader {
  /** Names of the columns that rejected rows are written with. */
  readonly header: readonly string[];
  /** Reads all rows again, piece by piece; gives the bytes read so far after each piece. */
  rows(onRow: (line: number, built: BuiltEvent, cells: readonly string[]) => void): AsyncIterable<number>;
  /** What became of the columns, once the rows are read; empty for JSON. */
  columns(): ColumnReport[];
}

export interface ReadEvents extends EventCellOptions {
  readonly workspaceId: string;
  /** The instant of receipt, in milliseconds since 1970 (UTC). */
  readonly now: number;
  /** Hears of the bytes read so far. */
  readonly onProgress: (done: number) => void;
}

/** Reads the file a first time, all of it: refuses what is malformed and decides what each column is. */
export async function openEventReader(file: RowFile, options: ReadEvents): Promise<EventReader> {
  const reading: EventRowsOptions = {
    workspaceId: options.workspaceId,
    reading: { empty: emptyWords(options.nulls), dates: options.dates ?? null },
    semicolons: file.delimiter === ';',
    strict: options.strict ?? false,
    now: options.now,
  };
  if (file.kind === 'items') return readItems(file, reading, options);
  const items = rejectedItems(file);
  return items === null ? readCells(file, reading, options) : readItems(items, reading, options);
}

async function readItems(
  file: Pick<ItemRows, 'rows'>,
  reading: EventRowsOptions,
  { map = {}, onProgress }: ReadEvents,
): Promise<EventReader> {
  for await (const done of file.rows(() => undefined)) onProgress(done);
  return {
    header: [itemColumn],
    rows: (onRow) =>
      file.rows((line, text) => onRow(line, eventItem(text, map, reading), text === null ? [] : [text])),
    columns: () => [],
  };
}

async function readCells(
  file: CellRows,
  reading: EventRowsOptions,
  { map, onProgress }: ReadEvents,
): Promise<EventReader> {
  const { own, keep } = ownTable(file.header);
  const plan = eventColumns(own, map);
  let rows = eventRows(plan, reading);
  const first = file.rows(
    (_, cells, fault) => {
      if (fault === null) rows.see(keep(cells));
    },
    () => {
      rows = eventRows(plan, reading);
    },
  );
  for await (const done of first) onProgress(done);
  rows.decide();
  return {
    header: own,
    rows: (onRow) =>
      file.rows((line, cells, fault) => {
        const kept = keep(cells);
        onRow(line, fault === null ? rows.build(kept) : { problems: [fault] }, kept);
      }),
    columns: () => rows.report(),
  };
}
