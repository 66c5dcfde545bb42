import { refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { detect } from './detect.js';
import type { Detected, FileHints } from './detect.js';
import { readDelimited, StrayQuote } from './delimited.js';
import type { CsvReading, CsvRow } from './delimited.js';
import { readLines } from './lines.js';
import { openSource } from './source.js';
import type { FileFormat, Source } from './source.js';
import { readValues } from './values.js';

export interface OpenRows extends FileHints {
  /** How messages call the file; default its name in backticks, without the folder. */
  readonly name?: string | undefined;
}

interface AnyRows {
  readonly source: Source;
  readonly format: FileFormat;
  /** As the Encoding Standard names it, such as `utf-8`. */
  readonly encoding: string;
}

/** A file with a header and cells. */
export interface CellRows extends AnyRows {
  readonly kind: 'cells';
  readonly delimiter: string;
  /** Names of the columns, blanks around them left out. */
  readonly header: readonly string[];
  /** Whether the first line looks like a title above the table. */
  readonly titled: boolean;
  /**
   * Reads all rows from the beginning, piece by piece; gives the bytes of the file read so far after each piece. Nothing
   * is read ahead of the caller. `onRestart` says that the rows so far come again, which happens once at most.
   */
  rows(
    onRow: (line: number, cells: readonly string[], fault: Problem | null) => void,
    onRestart?: () => void,
  ): AsyncGenerator<number>;
}

/** A file of JSON values: a line each, or the items of one list. */
export interface ItemRows extends AnyRows {
  readonly kind: 'items';
  readonly delimiter: null;
  /** As `CellRows.rows`; `text` is null in place of an item of more than a mebibyte. */
  rows(onItem: (line: number, text: string | null) => void): AsyncGenerator<number>;
}

export type RowFile = CellRows | ItemRows;

/** Columns of a table: each is looked at in one go before the first row is read. */
export const mostColumns = 5000;

/**
 * Opens a CSV, TSV, NDJSON or JSON file. What the caller does not say is detected from its first 64 KiB: the format, the
 * encoding, the separator (a line `sep=;` above the header included). Every row comes with the line it begins on.
 *
 * Errors: `import_unreadable` `import_empty` `import_not_text` `import_unknown_encoding` `import_bad_delimiter` `import_too_many_columns`, and
 * while reading `import_encoding` `import_malformed`.
 */
export async function openRows(path: string, { name, ...hints }: OpenRows = {}): Promise<RowFile> {
  const source = await openSource(path, name);
  const detected = await detect(source, hints);
  return detected.shape === 'delimited' ? openCells(source, detected) : openItems(source, detected);
}

function openItems(source: Source, { shape, format, encoding }: Detected): ItemRows {
  const read = shape === 'lines' ? readLines : readValues;
  return {
    kind: 'items',
    source,
    format,
    encoding,
    delimiter: null,
    rows: (onItem) => read({ source, encoding, onItem }),
  };
}

async function openCells(source: Source, detected: Detected): Promise<CellRows> {
  const { format, encoding, delimiter, preamble, titled } = detected;
  const reading = { source, encoding, delimiter: delimiter ?? ',', preamble };
  const bare = await headerOf({ ...reading, trim: false });
  // Who writes `a, b` into the header writes `1, 2` into the rows.
  const trim = bare.slice(1).some((each) => each !== each.trimStart());
  if (bare.length > mostColumns)
    refuse('import_too_many_columns', { count: bare.length, limit: mostColumns });
  const names = trim ? await headerOf({ ...reading, trim }) : bare;
  let messy = false;
  return {
    kind: 'cells',
    source,
    format,
    encoding,
    delimiter: reading.delimiter,
    header: names.map((each) => each.trim()),
    titled,
    async *rows(onRow, onRestart = () => undefined) {
      const all = {
        ...reading,
        trim,
        onHeader: () => undefined,
        onRow: ({ line, cells, fault }: CsvRow) => onRow(line, cells, fault),
      };
      try {
        yield* readDelimited({ ...all, messy });
      } catch (error) {
        if (!(error instanceof StrayQuote) || messy) throw error;
        messy = true;
        onRestart();
        yield* readDelimited({ ...all, messy });
      }
    },
  };
}

/** The first row, read leniently: where its own quotes stray, the rows say so. */
async function headerOf(
  reading: Pick<CsvReading, 'source' | 'encoding' | 'delimiter' | 'preamble' | 'trim'>,
): Promise<readonly string[]> {
  let header: readonly string[] | null = null;
  const onHeader = (cells: readonly string[]): void => {
    header ??= cells;
  };
  const pieces = readDelimited({ ...reading, messy: true, onHeader, onRow: () => undefined });
  for await (const _ of pieces) if (header !== null) break;
  return header ?? [];
}
