import type { CellRows, ItemRows, RowFile } from '../rows/open.js';
import { checkHeader } from './header.js';
import { csvRows } from './csv-rows.js';
import type { BuiltRow } from './csv-rows.js';
import { ndjsonRow } from './ndjson.js';

/** A file whose first pass is done. */
export interface Reader {
  /** Names of the columns that rejected rows are written with. */
  readonly header: readonly string[];
  /** Reads all rows again, piece by piece; gives the bytes read so far after each piece. */
  rows(onRow: (line: number, built: BuiltRow, cells: readonly string[]) => void): AsyncIterable<number>;
  /** Traits that the rows had a value of, once they are read. */
  sent(): Iterable<string>;
}

/**
 * Reads the file a first time, all of it: refuses what is malformed and decides each CSV column's type. `progress` hears the
 * bytes read so far.
 */
export async function openReader(file: RowFile, progress: (done: number) => void): Promise<Reader> {
  return file.kind === 'items' ? firstItemPass(file, progress) : firstCellPass(file, progress);
}

async function firstItemPass(file: ItemRows, progress: (done: number) => void): Promise<Reader> {
  for await (const done of file.rows(() => undefined)) progress(done);
  const sent = new Set<string>();
  return {
    header: ['row'],
    rows: (onRow) =>
      file.rows((line, text) => onRow(line, ndjsonRow(text, sent), text === null ? [] : [text])),
    sent: () => sent,
  };
}

async function firstCellPass(file: CellRows, progress: (done: number) => void): Promise<Reader> {
  const { header } = file;
  checkHeader(header);
  let rows = csvRows(header);
  const see = file.rows(
    (_, cells, fault) => {
      if (fault === null) rows.see(cells);
    },
    () => {
      rows = csvRows(header);
    },
  );
  for await (const done of see) progress(done);
  return {
    header,
    rows: (onRow) =>
      file.rows((line, cells, fault) =>
        onRow(line, fault === null ? rows.build(cells) : { problems: [fault] }, cells),
      ),
    sent: () => rows.sent,
  };
}
