import type { Pool } from '../database/pool.js';
import { foldTraits } from './catalogue/fold.js';
import { noteTraitsSent } from './catalogue/sent.js';
import { storedTypes } from './catalogue/stored-types.js';
import { admitNames } from './names.js';
import type { SentName } from './names.js';
import { newBatch } from './import/batch.js';
import type { Batch, CustomKeys } from './import/batch.js';
import type { ColumnReport } from './import/column.js';
import type { BuiltRow, KnownTypes } from './import/csv-rows.js';
import { openLoader } from './import/load.js';
import type { Loader } from './import/load.js';
import { interrupted } from './import/interrupted.js';
import { matchByAddress } from './import/match.js';
import { oneAhead } from './import/one-ahead.js';
import type { CellOptions } from './import/options.js';
import { openReader } from './import/reader.js';
import type { Reader } from './import/reader.js';
import { openRejects } from './import/rejects.js';
import type { Reject, Rejects } from './import/rejects.js';
import type { ColumnType } from './import/types.js';
import type { Counted } from './statements/merge-staging.js';
import { openRows } from './rows/open.js';
import type { RowFile } from './rows/open.js';
import type { FileHints } from './rows/detect.js';
import { checkRejectsPath, checkUnchanged } from './rows/source.js';
import type { FileFormat } from './rows/source.js';

export type { ColumnReport } from './import/column.js';
export type { CellOptions } from './import/options.js';
export type { Reject } from './import/rejects.js';
export type { FileHints } from './rows/detect.js';
export type { FileFormat } from './rows/source.js';

export interface ImportUsers extends CellOptions, FileHints {
  readonly workspaceId: string;
  /** Path of the file. */
  readonly source: string;
  /** How messages call the file; default its name. */
  readonly name?: string | undefined;
  /** Where rejected rows go, as CSV that can be mended and imported again. Default: nowhere but into the answer. */
  readonly rejectsPath?: string | undefined;
  /** Whether people whom this import makes are announced as `user_created`; default false. */
  readonly fireTriggers?: boolean | undefined;
  /** Whether everything is read and counted, and nothing written; default false. */
  readonly dryRun?: boolean | undefined;
  /** Called a few times a second at most by size of file: `done` and `total` are bytes. */
  readonly onProgress?: ((phase: ImportPhase, done: number, total: number) => void) | undefined;
}

/** `reading`: the first pass, which decides the types of columns. `loading`: the second, which writes. */
export type ImportPhase = 'reading' | 'loading';

export interface Imported {
  /** Rows of the file. */
  readonly rows: number;
  /** People who were not there before. */
  readonly created: number;
  /** People in the file who were. */
  readonly updated: number;
  /** Rows that were not loaded. */
  readonly rejected: number;
  /** Cells kept out of rows that were loaded. */
  readonly cellsRefused: number;
  /** People whom the file unsubscribes from everything, and whom it suppresses. */
  readonly unsubscribed: number;
  readonly suppressed: number;
  /** What became of each column; empty for JSON. */
  readonly columns: readonly ColumnReport[];
  /** The first 100 rejected rows and refused cells. */
  readonly rejects: readonly Reject[];
  readonly format: FileFormat;
  /** Null for JSON. */
  readonly delimiter: string | null;
  readonly encoding: string;
  readonly dryRun: boolean;
  /** Path of the file with all rejected rows, or null when there is none. */
  readonly rejectsFile: string | null;
}

/**
 * Imports people from a CSV, TSV, NDJSON or JSON file, additively as identify does, but without a visit: `last_seen` does
 * not move and `user_created` does not fire unless asked. Rows about one person apply in the file's order. What people
 * opted out of is added to, never taken back.
 *
 * It can be stopped at any moment, by SIGKILL too, and run again with the same result. With `fireTriggers` each person
 * is announced in the transaction that makes their row; the run after finds the row and announces nobody twice.
 *
 * The file is read twice: first to check all of it and to decide what each CSV column is, then to load it through COPY
 * in batches, each committed by itself. A file that is refused has written nothing; a row that is refused is reported
 * and the rest is loaded, and so is the rest of a row with a cell that does not fit. A trait that is there keeps its type.
 * Memory does not grow with the file.
 *
 * Errors: those of `openRows` and `planColumns`, `too_many_trait_keys` where there is no room for the columns,
 * `import_changed` `import_rejects_unwritable`
 * `import_interrupted` (the only one after which batches are in; run the import again).
 */
export async function importUsers(pool: Pool, options: ImportUsers): Promise<Imported> {
  const { workspaceId, rejectsPath, dryRun = false } = options;
  const file = await openRows(options.source, options);
  if (rejectsPath !== undefined) await checkRejectsPath(rejectsPath, file.source);
  const report = (phase: ImportPhase) => (done: number) =>
    options.onProgress?.(phase, done, file.source.size);
  const reader = await openReader(file, {
    cells: options,
    typesOf: (keys) => typesOf(pool, workspaceId, keys),
    onProgress: report('reading'),
  });
  await checkUnchanged(file.source);
  const namesOf = (kind: 'user' | 'company'): SentName[] =>
    reader.customKeys[kind].map((name) => ({ kind, name, path: '' }));
  await admitNames(pool, workspaceId, [...namesOf('user'), ...namesOf('company')], { note: !dryRun });
  const rejects = openRejects(rejectsPath, reader.header, file.delimiter);
  const loader = await openLoader(pool, { workspaceId, fireTriggers: options.fireTriggers ?? false, dryRun });
  try {
    return await load(pool, { options, file, reader, loader, rejects, progress: report('loading') });
  } finally {
    await loader.close();
    if (!dryRun) await catalogueImported(pool, workspaceId, reader);
  }
}

async function typesOf(pool: Pool, workspaceId: string, keys: CustomKeys): Promise<KnownTypes> {
  const of = async (entity: 'user' | 'company'): Promise<ReadonlyMap<string, ColumnType>> => {
    const types = await storedTypes(pool, workspaceId, entity, keys[entity]);
    return new Map(Array.from(types, ([key, type]) => [key, type === 'time' ? 'text' : type]));
  };
  return { user: await of('user'), company: await of('company') };
}

/** The catalogue's counts are right without this, so that an import does not fail by it. */
async function catalogueImported(pool: Pool, workspaceId: string, reader: Reader): Promise<void> {
  await noteTraitsSent(pool, workspaceId, 'user', reader.sent('user'));
  await noteTraitsSent(pool, workspaceId, 'company', reader.sent('company'));
  await foldTraits(pool, workspaceId).catch(() => 0);
}

interface Loading {
  readonly options: ImportUsers;
  readonly file: RowFile;
  readonly reader: Reader;
  readonly loader: Loader;
  readonly rejects: Rejects;
  readonly progress: (done: number) => void;
}

/** A row that waits until it is known whose it is. */
interface Waiting {
  readonly line: number;
  readonly built: Extract<BuiltRow, { readonly key: string }>;
  readonly cells: readonly string[];
}

async function load(
  pool: Pool,
  { options, file, reader, loader, rejects, progress }: Loading,
): Promise<Imported> {
  const counts = { rows: 0, loaded: 0, created: 0 };
  const full: Batch[] = [];
  let waiting: Waiting[] = [];
  let batch = newBatch(reader.customKeys);
  const batches = oneAhead(async (ready: Batch) => {
    const { created, refused } = await loader.load(ready);
    counts.created += created;
    counts.loaded += ready.rows;
    for (const { item: userId, refusal } of refused) {
      const rows = ready.rowsOf(userId);
      counts.loaded -= rows.length;
      for (const { line, cells, takeBack } of rows) {
        takeBack();
        rejects.add(line, [refusal.first], cells);
      }
    }
  });
  const stage = (userId: string, row: Waiting['built']['row'], { line, built, cells }: Waiting): void => {
    if (built.refused.length > 0) rejects.addCells(line, built.refused, cells);
    batch.add(userId, row, { line, cells, takeBack: built.takeBack });
    if (!batch.full) return;
    full.push(batch);
    batch = newBatch(reader.customKeys);
  };
  const match = async (): Promise<void> => {
    const rows = waiting.map(({ built }) => ({ address: built.key, row: built.row }));
    const matched = await matchByAddress(pool, options.workspaceId, rows, options.create ?? false);
    matched.forEach((each, index) => {
      const one = waiting[index];
      if (one === undefined) return;
      if ('problems' in each) {
        one.built.takeBack();
        rejects.add(one.line, each.problems, one.cells);
      } else stage(each.userId, each.row, one);
    });
    waiting = [];
  };
  const onRow = (line: number, built: BuiltRow, cells: readonly string[]): void => {
    counts.rows += 1;
    if ('problems' in built) rejects.add(line, built.problems, cells);
    else if (options.key === 'email') waiting.push({ line, built, cells });
    else stage(built.key, built.row, { line, built, cells });
  };
  let counted: Counted;
  try {
    for await (const done of reader.rows(onRow)) {
      if (waiting.length > 0) await match();
      for (const ready of full.splice(0)) await batches.next(ready);
      await rejects.flush();
      progress(done);
    }
    if (batch.rows > 0) await batches.next(batch);
    await batches.end();
    counted = await loader.counted();
  } catch (error) {
    await batches.end().catch(() => undefined);
    await rejects.close().catch(() => undefined);
    throw interrupted(error, counts);
  }
  const { people, created, unsubscribed, suppressed } = counted;
  return {
    rows: counts.rows,
    created,
    updated: people - created,
    rejected: rejects.rows,
    cellsRefused: rejects.cells,
    unsubscribed,
    suppressed,
    columns: reader.columns(),
    rejects: rejects.first,
    format: file.format,
    delimiter: file.delimiter,
    encoding: file.encoding,
    dryRun: options.dryRun ?? false,
    rejectsFile: await rejects.close(),
  };
}
