import { CsvError, parse } from 'csv-parse';
import type { Parser } from 'csv-parse';
import { problem, refuse } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { utf8Chunks } from './chunks.js';
import type { Source } from './source.js';

/** One row of a delimited file. */
export interface CsvRow {
  /** Line of the file that the row begins on, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Why its cells cannot be trusted, or null. */
  readonly fault: Problem | null;
}

export interface CsvReading {
  readonly source: Source;
  readonly encoding: string;
  readonly delimiter: string;
  /** Bytes in UTF-8 of a first line that is not part of the table. */
  readonly preamble: number;
  /** Whether blanks around cells are left out, outside of quotes. */
  readonly trim: boolean;
  /**
   * Whether rows with stray quotes are expected. A clean file is read strictly, which is faster; the first stray
   * quote ends that reading with `StrayQuote`, and the file is read again in this way, row by row checked.
   */
  readonly messy: boolean;
  /** Gets the header, then it is called no more. What it throws ends the reading. */
  readonly onHeader: (cells: readonly string[]) => void;
  /** Gets every row after the header, blank lines left out. */
  readonly onRow: (row: CsvRow) => void;
}

/** What the parser gives for a row when it keeps the row's own text. */
interface RawRecord {
  readonly raw: string;
  readonly record: string[];
}

/** A strictly read file turned out to hold a stray quote. */
export class StrayQuote extends Error {
  override readonly name = 'StrayQuote';
}

/** Characters of one row; a quote that is never closed would otherwise hold the rest of the file in memory. */
const rowLimit = 1_048_576;

/**
 * Reads a delimited file piece by piece. Between pieces the caller gets control, so that it can wait for whatever is
 * downstream: nothing is read ahead of that.
 *
 * @returns after each piece, the bytes of the file read so far
 */
export async function* readDelimited(reading: CsvReading): AsyncGenerator<number> {
  const { source, delimiter, messy, onHeader, onRow } = reading;
  let line = reading.preamble === 0 ? 1 : 2;
  let counted = 0;
  let width: number | null = null;
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: messy,
    trim: reading.trim,
    raw: messy,
    max_record_size: rowLimit,
    on_record: (record: RawRecord | string[], context) => {
      const { cells, raw } = Array.isArray(record)
        ? { cells: record, raw: null }
        : { cells: record.record, raw: record.raw };
      const begins = line;
      // The parser counts CR LF inside quotes as two lines, so rows that span lines are counted here.
      line += context.lines - counted === 1 ? 1 : 1 + breaksIn(cells);
      counted = context.lines;
      if (cells.length === 1 && cells[0] === '') return null;
      if (width === null) {
        onHeader(cells);
        width = cells.length;
      } else {
        const whole = withoutEmptyEnd(cells, width);
        onRow({ line: begins, cells: whole, fault: faultOf(whole, width, raw, delimiter) });
      }
      return null;
    },
  });
  // Every write reports its own error; without a listener the event would end the process as well.
  parser.on('error', () => undefined);
  let left = reading.preamble;
  try {
    for await (const { bytes, read } of utf8Chunks(source, reading.encoding)) {
      await write(parser, bytes.subarray(left));
      left = Math.max(0, left - bytes.length);
      yield read;
    }
    await end(parser);
    yield source.size;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    refuseParse(error, source, line);
  } finally {
    parser.destroy();
  }
  if (width === null) refuse('import_empty', { file: source.name });
}

function refuseParse(error: CsvError, source: Source, line: number): never {
  if (error.code === 'CSV_INVALID_CLOSING_QUOTE' || error.code === 'INVALID_OPENING_QUOTE')
    throw new StrayQuote();
  const reasons = new Map<string, string>([
    ['CSV_QUOTE_NOT_CLOSED', 'a quote is opened and never closed'],
    ['CSV_MAX_RECORD_SIZE', 'a row has more than 1 MiB; a cell is too long or a quote is not closed'],
  ]);
  const reason = reasons.get(error.code) ?? 'its rows and quotes cannot be told apart';
  const long =
    'shorten the cells of this row, or leave the column out; where it is not meant to be long, close its quote';
  const hint = error.code === 'CSV_MAX_RECORD_SIZE' ? { hint: long } : {};
  return refuse('import_malformed', { file: source.name, line, reason }, { cause: error, ...hint });
}

function write(parser: Parser, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function end(parser: Parser): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.once('error', reject);
    parser.end(() => resolve());
  });
}

function breaksIn(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
}

/** Separators too many at the end of a row, which spreadsheets leave, hide nothing and shift nothing. */
function withoutEmptyEnd(cells: readonly string[], width: number): readonly string[] {
  if (cells.length <= width) return cells;
  return cells.slice(width).every((cell) => cell === '') ? cells.slice(0, width) : cells;
}

function faultOf(
  cells: readonly string[],
  width: number,
  raw: string | null,
  delimiter: string,
): Problem | null {
  if (raw !== null && raw.includes('"')) {
    const reason = strayQuote(raw, delimiter);
    if (reason !== null) return problem('row_quotes', { reason });
  }
  return cells.length === width ? null : problem('row_cells', { count: cells.length, expected: width });
}

/** Says where a quoted cell goes on after its closing quote. A quote inside an unquoted cell, as in `5" disk`, is text. */
function strayQuote(raw: string, delimiter: string): string | null {
  let at = 0;
  for (let cell = 1; ; cell += 1) {
    if (raw[at] === '"') {
      at += 1;
      for (;;) {
        at = raw.indexOf('"', at);
        if (at === -1) return `cell ${cell} is not closed`;
        if (raw[at + 1] !== '"') break;
        at += 2;
      }
      const next = raw[at + 1];
      if (next === undefined || next === '\n' || next === '\r') return null;
      if (next !== delimiter) return `cell ${cell} goes on after its closing quote`;
      at += 2;
    } else {
      const next = raw.indexOf(delimiter, at);
      if (next === -1) return null;
      at = next + 1;
    }
  }
}
