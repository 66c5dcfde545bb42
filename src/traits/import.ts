import { DatabaseError } from 'pg';
import { MusterError, refuse } from '../errors/index.js';
import type { Pool } from '../database/pool.js';
import { isConnectionError } from '../database/unreachable.js';
import { foldTraits } from './catalogue/fold.js';
import { noteTraitsSent } from './catalogue/sent.js';
import { newBatch } from './import/batch.js';
import type { Batch } from './import/batch.js';
import type { BuiltRow } from './import/csv-rows.js';
import { openLoader } from './import/load.js';
import type { Loader } from './import/load.js';
import { openReader } from './import/reader.js';
import type { Reader } from './import/reader.js';
import { openRejects } from './import/rejects.js';
import type { Reject, Rejects } from './import/rejects.js';
import { openRows } from './rows/open.js';
import { checkRejectsPath, checkUnchanged } from './rows/source.js';
import type { FileFormat } from './rows/source.js';

export type { Reject } from './import/rejects.js';
export type { FileFormat } from './rows/source.js';

export interface ImportUsers {
  readonly workspaceId: string;
  /** Path of the file. */
  readonly source: string;
  /** How messages call it; default its name in backticks. */
  readonly name?: string | undefined;
  /** Default: by the file's extension and content. */
  readonly format?: FileFormat | undefined;
  /** Where rejected rows go, as CSV with line, code and message first. Default: nowhere but into the answer. */
  readonly rejectsPath?: string | undefined;
  /** Whether people whom this import makes are announced as `user_created`; default false. */
  readonly fireTriggers?: boolean | undefined;
  /** Called a few times a second at most by size of file: `done` and `total` are bytes. */
  readonly onProgress?: ((phase: ImportPhase, done: number, total: number) => void) | undefined;
}

/** `reading`: the first pass, which decides the types of columns. `loading`: the second, which writes. */
export type ImportPhase = 'reading' | 'loading';

export interface Imported {
  /** Rows of the file; always `created + updated + rejected`. */
  readonly rows: number;
  /** People who were not there before. */
  readonly created: number;
  /** Rows about people who were, those named earlier in the file included. */
  readonly updated: number;
  readonly rejected: number;
  /** The first 100 rejected rows. */
  readonly rejects: readonly Reject[];
  /** Path of the file with all rejected rows, or null when there is none. */
  readonly rejectsFile: string | null;
}

/**
 * Imports people from a CSV, TSV or NDJSON file, additively as identify does, but without a visit: `last_seen` does
 * not move and `user_created` does not fire unless asked. Rows about one person apply in the file's order.
 *
 * It can be stopped at any moment, by SIGKILL too, and run again with the same result. With `fireTriggers` each person
 * is announced in the transaction that makes their row; the run after finds the row and announces nobody twice.
 *
 * The file is read twice: first to check all of it and to decide each CSV column's type, then to load it through COPY
 * in batches, each committed by itself. A file that is refused has written nothing; a row that is refused is reported
 * and the rest is loaded. Memory does not grow with the file.
 *
 * Errors: `import_unreadable` `import_not_text` `import_empty` `import_encoding` `import_malformed` `import_no_user_id`
 * `import_duplicate_column` `import_unnamed_column` `reserved_trait` `import_changed` `import_rejects_unwritable`
 * `import_interrupted` (the only one after which batches are in; run the import again).
 */
export async function importUsers(pool: Pool, options: ImportUsers): Promise<Imported> {
  const file = await openRows(options.source, { name: options.name, format: options.format });
  const { source } = file;
  if (options.rejectsPath !== undefined) await checkRejectsPath(options.rejectsPath, source);
  const report = (phase: ImportPhase) => (done: number) => options.onProgress?.(phase, done, source.size);
  const reader = await openReader(file, report('reading'));
  await checkUnchanged(source);
  const rejects = openRejects(options.rejectsPath, reader.header);
  const loader = await openLoader(pool, {
    workspaceId: options.workspaceId,
    fireTriggers: options.fireTriggers ?? false,
  });
  try {
    return await load(reader, loader, rejects, report('loading'));
  } finally {
    await loader.close();
    await catalogueImported(pool, options.workspaceId, reader.sent());
  }
}

/** The catalogue's counts are right without this, so that an import does not fail by it. */
async function catalogueImported(pool: Pool, workspaceId: string, sent: Iterable<string>): Promise<void> {
  await noteTraitsSent(pool, workspaceId, 'user', sent);
  await foldTraits(pool, workspaceId).catch(() => 0);
}

async function load(
  reader: Reader,
  loader: Loader,
  rejects: Rejects,
  progress: (done: number) => void,
): Promise<Imported> {
  const counts = { rows: 0, loaded: 0, created: 0 };
  const full: Batch[] = [];
  let batch = newBatch();
  // One batch is loaded while the next is read, and no more: reading waits for the database.
  let loading: Promise<void> = Promise.resolve();
  const loadOne = async (ready: Batch): Promise<void> => {
    counts.created += await loader.load(ready);
    counts.loaded += ready.rows;
  };
  const next = async (ready: Batch): Promise<void> => {
    await loading;
    loading = loadOne(ready);
    // It is awaited before the next batch; until then a failure must not count as unhandled.
    loading.catch(() => undefined);
  };
  const onRow = (line: number, built: BuiltRow, cells: readonly string[]): void => {
    counts.rows += 1;
    if ('problems' in built) return rejects.add(line, built.problems, cells);
    batch.add(built.userId, built.row);
    if (batch.full) {
      full.push(batch);
      batch = newBatch();
    }
  };
  try {
    for await (const done of reader.rows(onRow)) {
      for (const ready of full.splice(0)) await next(ready);
      await rejects.flush();
      progress(done);
    }
    if (batch.rows > 0) await next(batch);
    await loading;
  } catch (error) {
    await loading.catch(() => undefined);
    await rejects.close().catch(() => undefined);
    throw interrupted(error, counts);
  }
  return {
    rows: counts.rows,
    created: counts.created,
    updated: counts.loaded - counts.created,
    rejected: rejects.count,
    rejects: rejects.first,
    rejectsFile: await rejects.close(),
  };
}

function interrupted(error: unknown, counts: { readonly loaded: number; readonly created: number }): unknown {
  if (error instanceof MusterError && error.code !== 'import_rejects_unwritable') return error;
  const known = error instanceof DatabaseError || error instanceof MusterError || isConnectionError(error);
  if (!known || !(error instanceof Error)) return error;
  try {
    return refuse(
      'import_interrupted',
      { rows: counts.loaded, reason: error.message },
      { cause: error, details: { loaded: counts.loaded, created: counts.created } },
    );
  } catch (refusal) {
    return refusal;
  }
}
