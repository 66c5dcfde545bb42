import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { basename } from 'node:path';
import type { Problem } from '../../errors/index.js';
import { csvLine } from '../csv.js';
import type { RefusedCell } from './csv-rows.js';
import { isCanonicalNumber } from './types.js';
import { rejectsMark } from '../rows/detect.js';
import { refuseFile } from '../rows/source.js';

/** A row that was not loaded, or a cell that was kept out of its row. */
export interface Reject {
  /** Line of the file that the row begins on, from 1. */
  readonly line: number;
  /** The column of the cell; absent where the whole row was refused. */
  readonly column?: string;
  readonly value?: string;
  readonly code: string;
  readonly message: string;
}

/** How many entries an answer lists; the file has them all. */
const listed = 100;

const prefix = 'muster:';
/** What a row of the file begins with; an import of the mended file passes over these columns. */
const bookkeeping = [rejectsMark, `${prefix}code`, `${prefix}message`];
/** The column of a file of rejected JSON values. */
export const itemColumn = `${prefix}row`;

const byteOrderMark = '\ufeff';

/** Whether a column is Muster's own, from a file of rejects. */
export function isBookkeeping(name: string): boolean {
  return name.startsWith(prefix);
}

const formula = /^'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]/;

/** A cell that a spreadsheet takes as text, in a way that `unguarded` can take back. */
function guarded(cell: string): string {
  return formula.test(cell) && !isCanonicalNumber(cell) ? `'${cell}` : cell;
}

/** The cell as it came before it was written to a file of rejects. */
export function unguarded(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}

/** A header, and its rows, without what a file of rejects adds to them. */
export interface OwnTable {
  /** Whether it is a file of rejects. */
  readonly guarded: boolean;
  /** All names, Muster's own among them. */
  readonly header: readonly string[];
  /** The names without Muster's own. */
  readonly own: readonly string[];
  /** The cells of `own`, as they came. */
  readonly keep: (cells: readonly string[]) => readonly string[];
}

export function ownTable(names: readonly string[]): OwnTable {
  if (!names.some(isBookkeeping))
    return { guarded: false, header: names, own: names, keep: (cells) => cells };
  const header = names.map(unguarded);
  const places = header.flatMap((name, at) => (isBookkeeping(name) ? [] : [at]));
  const of = (cells: readonly string[]): string[] => places.map((at) => unguarded(cells[at] ?? ''));
  return { guarded: true, header, own: of(names), keep: of };
}

export interface Rejects {
  add(line: number, problems: readonly [Problem, ...Problem[]], cells: readonly string[]): void;
  /** The row is loaded without these cells. */
  addCells(line: number, refused: readonly RefusedCell[], cells: readonly string[]): void;
  /** Rows refused. */
  readonly rows: number;
  /** Cells refused of rows that were loaded. */
  readonly cells: number;
  readonly first: readonly Reject[];
  /** Waits until what was added so far is on its way to the disk. */
  flush(): Promise<void>;
  /** Ends the file. Resolves with its path, or null when nothing was rejected or no path was given. */
  close(): Promise<string | null>;
}

/**
 * Collects rejected rows, and rows with rejected cells, and writes them to a CSV file: Muster's columns, then the row as it
 * came, so that the file can be mended and imported again with the same options: it has the separator of the file that
 * the rows are from, and a byte order mark, which wins over an encoding. It is made at the first one, in place of an older
 * one of that name. Error: `import_rejects_unwritable`.
 */
export function openRejects(
  path: string | undefined,
  header: readonly string[],
  delimiter: string | null,
): Rejects {
  // Others are not what a file of rejects is known by.
  const separator = delimiter !== null && ',;\t|'.includes(delimiter) ? delimiter : ',';
  const first: Reject[] = [];
  let rows = 0;
  let cellCount = 0;
  let pending = '';
  let file: WriteStream | null = null;
  let failure: Error | null = null;
  const check = (): void => {
    if (failure !== null) refuseFile('import_rejects_unwritable', basename(path ?? ''), failure);
  };
  const flush = async (): Promise<void> => {
    check();
    if (path === undefined || pending === '') return;
    if (file === null) {
      file = createWriteStream(path);
      file.on('error', (error) => {
        failure = error;
      });
      pending = byteOrderMark + csvLine([...bookkeeping, ...header.map(guarded)], separator) + pending;
    }
    const text = pending;
    pending = '';
    if (!file.write(text)) await once(file, 'drain').catch(() => undefined);
    check();
  };
  const keep = (line: number, code: string, message: string, cells: readonly string[]): void => {
    if (path === undefined) return;
    pending += csvLine([String(line), code, message, ...cells.map(guarded)], separator);
  };
  const list = (reject: Reject): void => {
    if (first.length < listed) first.push(reject);
  };
  return {
    add(line, problems, cells) {
      const message = problems.map((each) => each.message).join('; ');
      const { code } = problems[0];
      rows += 1;
      list({ line, code, message });
      keep(line, code, message, cells);
    },
    addCells(line, refused, cells) {
      const [one] = refused;
      if (one === undefined) return;
      cellCount += refused.length;
      for (const { column, value, problem } of refused) {
        list({ line, column, value, code: problem.code, message: problem.message });
      }
      keep(line, one.problem.code, refused.map(({ problem }) => problem.message).join('; '), cells);
    },
    get rows() {
      return rows;
    },
    get cells() {
      return cellCount;
    },
    first,
    flush,
    async close() {
      await flush();
      if (file === null || path === undefined) return null;
      file.end();
      await finished(file).catch(() => undefined);
      check();
      return path;
    },
  };
}
