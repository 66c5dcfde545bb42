import { problem, refuse } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { folded } from '../filter/parse/suggest.js';
import type { Database } from './database.js';
import { addManyOptOuts, mostOptOuts } from './opt-outs.js';
import { openRows } from './rows/open.js';
import type { RowFile } from './rows/open.js';
import type { OptOutList } from './statements/add-opt-outs.js';

export interface OptOutsFile {
  readonly workspaceId: string;
  readonly list: OptOutList;
  readonly file: string;
  /** Columns that hold the user id and the address, where they are not called `user_id` and `email`. */
  readonly columns?:
    { readonly userId?: string | undefined; readonly email?: string | undefined } | undefined;
  /** For rows that say none themselves. */
  readonly defaults?:
    Readonly<Partial<Record<'reason' | 'source' | 'topic', string | undefined>>> | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface OptOutsRead {
  readonly rows: number;
  readonly added: number;
  /** Rows of people who were on the list already. */
  readonly present: number;
  readonly rejected: number;
  /** The first 100 of the rejected rows. */
  readonly rejects: readonly { readonly line: number; readonly code: string; readonly message: string }[];
}

interface Row {
  readonly line: number;
  readonly entry: unknown;
  /** Why it cannot be read. */
  readonly fault: Problem | null;
}

const mostShown = 100;
const itemHint = 'write one object a line, such as {"email": "ann@example.com"}';

/**
 * Adds the people of a CSV, TSV, NDJSON or JSON file to a list, a thousand at a time. A row that is refused is reported and
 * the others are added, so that a file can be mended and read again: who is on the list already stays as they are.
 *
 * Errors: `opt_outs_no_person`, those of `openRows`.
 */
export async function addOptOutsFromFile(db: Database, options: OptOutsFile): Promise<OptOutsRead> {
  const { workspaceId, list, onProgress } = options;
  const file = await openRows(options.file);
  const counts = { rows: 0, added: 0, present: 0, rejected: 0 };
  const rejects: { line: number; code: string; message: string }[] = [];
  const reject = (line: number, { code, message }: Problem): void => {
    counts.rejected += 1;
    if (rejects.length < mostShown) rejects.push({ line, code, message });
  };
  const write = async (rows: readonly Row[]): Promise<void> => {
    const entries = rows.flatMap(({ entry, fault }) => (fault === null ? [entry] : []));
    const results = (await addManyOptOuts(db, { workspaceId, list, entries })).values();
    for (const { line, fault } of rows) {
      const { status, error = null } = fault === null ? (results.next().value ?? {}) : { error: fault };
      if (error !== null) reject(line, error);
      else if (status === 'added') counts.added += 1;
      else counts.present += 1;
    }
  };
  let waiting: Row[] = [];
  const onRow = (line: number, entry: unknown, fault: Problem | null): void => {
    counts.rows += 1;
    waiting.push({ line, entry, fault });
  };
  for await (const done of rowsOf(file, options, onRow)) {
    while (waiting.length >= mostOptOuts) {
      await write(waiting.slice(0, mostOptOuts));
      waiting = waiting.slice(mostOptOuts);
    }
    onProgress?.(done, file.source.size);
  }
  if (waiting.length > 0) await write(waiting);
  return { ...counts, rejects };
}

type OnRow = (line: number, entry: unknown, fault: Problem | null) => void;

function rowsOf(file: RowFile, options: OptOutsFile, onRow: OnRow): AsyncGenerator<number> {
  if (file.kind === 'items') {
    return file.rows((line, text) => {
      const value = text === null ? undefined : parsed(text);
      if (value === undefined) onRow(line, null, problem('row_not_json', {}, { hint: itemHint }));
      else onRow(line, value, null);
    });
  }
  const places = placesIn(file.header, options);
  const { defaults = {} } = options;
  return file.rows((line, cells, fault) => {
    const entry: Record<string, string> = {};
    for (const [key, value] of Object.entries(defaults)) if (value !== undefined) entry[key] = value;
    for (const [key, place] of places) {
      const cell = cells[place]?.trim() ?? '';
      if (cell !== '') entry[key] = cell;
    }
    onRow(line, entry, fault);
  });
}

/** Which column holds what; columns that say nothing of an entry are left alone. */
function placesIn(header: readonly string[], { list, columns = {}, file }: OptOutsFile): Map<string, number> {
  const wanted = {
    user_id: columns.userId ?? 'user_id',
    email: columns.email ?? 'email',
    reason: 'reason',
    source: 'source',
    ...(list === 'unsubscribes' ? { topic: 'topic' } : {}),
  };
  const names = header.map(folded);
  const places = new Map<string, number>();
  for (const [key, name] of Object.entries(wanted)) {
    const exact = header.indexOf(name);
    const place = exact === -1 ? names.indexOf(folded(name)) : exact;
    if (place !== -1) places.set(key, place);
  }
  if (!places.has('user_id') && !places.has('email')) {
    refuse('opt_outs_no_person', { file, columns: header.slice(0, 20).join(', ') });
  }
  return places;
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
