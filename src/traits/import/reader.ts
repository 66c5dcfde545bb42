import { checkHeader } from './header.js';
import { csvRows } from './csv-rows.js';
import type { BuiltRow, CsvRows } from './csv-rows.js';
import { readCsv, StrayQuote } from './csv.js';
import { ndjsonRow, readNdjson } from './ndjson.js';
import type { Source } from './source.js';

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
export async function openReader(source: Source, progress: (done: number) => void): Promise<Reader> {
  return source.format === 'ndjson' ? firstNdjsonPass(source, progress) : firstCsvPass(source, progress);
}

async function firstNdjsonPass(source: Source, progress: (done: number) => void): Promise<Reader> {
  for await (const done of readNdjson({ source, onLine: () => undefined })) progress(done);
  const sent = new Set<string>();
  return {
    header: ['row'],
    rows: (onRow) =>
      readNdjson({
        source,
        onLine: (line, text) => onRow(line, ndjsonRow(text, sent), text === null ? [] : [text]),
      }),
    sent: () => sent,
  };
}

async function firstCsvPass(
  source: Source,
  progress: (done: number) => void,
  messy = false,
): Promise<Reader> {
  let header: readonly string[] = [];
  let rows: CsvRows = csvRows(header);
  const onHeader = (cells: readonly string[]): void => {
    checkHeader(cells);
    header = cells;
    rows = csvRows(cells);
  };
  try {
    const reading = readCsv({
      source,
      messy,
      onHeader,
      onRow: ({ cells, fault }) => {
        if (fault === null) rows.see(cells);
      },
    });
    for await (const done of reading) progress(done);
  } catch (error) {
    if (error instanceof StrayQuote && !messy) return firstCsvPass(source, progress, true);
    throw error;
  }
  return {
    header,
    rows: (onRow) =>
      readCsv({
        source,
        messy,
        onHeader: () => undefined,
        onRow: ({ line, cells, fault }) =>
          onRow(line, fault === null ? rows.build(cells) : { problems: [fault] }, cells),
      }),
    sent: () => rows.sent,
  };
}
