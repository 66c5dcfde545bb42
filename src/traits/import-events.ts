import type { Pool } from '../database/pool.js';
import { momentOf } from '../filter/time.js';
import type { ColumnReport } from './import/column.js';
import { openEventReader } from './import/event-reader.js';
import type { EventCellOptions, EventReader } from './import/event-reader.js';
import type { BuiltEvent } from './import/event-rows.js';
import { interrupted } from './import/interrupted.js';
import { oneAhead } from './import/one-ahead.js';
import { openRejects } from './import/rejects.js';
import type { Reject, Rejects } from './import/rejects.js';
import { trackMany } from './many.js';
import { retryLost } from './retry.js';
import { openRows } from './rows/open.js';
import type { RowFile } from './rows/open.js';
import type { FileHints } from './rows/detect.js';
import { checkRejectsPath, checkUnchanged } from './rows/source.js';
import type { FileFormat } from './rows/source.js';
import type { RecordEvent } from './statements/record-event.js';
import { admitNamesOfMany } from './names.js';
import type { SentName } from './names.js';
import { namesOfTrack } from './track.js';
import type { CheckedTrack } from './track.js';

export interface ImportEvents extends EventCellOptions, FileHints {
  readonly workspaceId: string;
  /** Path of the file. */
  readonly source: string;
  /** How messages call the file; default its name. */
  readonly name?: string | undefined;
  /** Where rejected rows go, as CSV that can be mended and imported again. Default: nowhere but into the answer. */
  readonly rejectsPath?: string | undefined;
  /** Whether the events start series and answer waits, as those that are tracked do; default false. */
  readonly fireTriggers?: boolean | undefined;
  /** Whether everything is read and counted, and nothing written; default false. */
  readonly dryRun?: boolean | undefined;
  /** Called with the bytes of the file that are done, of `total`. */
  readonly onProgress?: ((phase: 'reading' | 'loading', done: number, total: number) => void) | undefined;
  /** The instant of receipt, in milliseconds since 1970 (UTC) or as a Date; default the clock. */
  readonly now?: Date | number | undefined;
}

export interface ImportedEvents {
  /** Rows of the file. */
  readonly rows: number;
  /** Events that were stored; in a dry run those that would be looked for and stored. */
  readonly stored: number;
  /** Events that are stored already, by an import before or by their message id; twins in the file among them. */
  readonly repeated: number;
  /** Rows that were not loaded. */
  readonly rejected: number;
  /** Cells kept out of rows that were loaded. */
  readonly cellsRefused: number;
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

/** Events of one transaction. */
const batchSize = 1000;

/**
 * Imports the history of events from a CSV, TSV, NDJSON or JSON file: who, what, when, and properties. It starts no series
 * and answers no wait unless asked. Otherwise an event is stored as `track` stores it: people who are unknown get a
 * row, and `last_seen` moves to when the event occurred, never backwards.
 *
 * It can be stopped at any moment and run again: a row without a message id has one made of what it says, so that each is
 * stored once, however late the file is imported again. Rows that say exactly the same are one event, unless their
 * message ids differ.
 *
 * The file is read twice, as by `importUsers`; errors are those, with `import_events_columns`.
 */
export async function importEvents(pool: Pool, options: ImportEvents): Promise<ImportedEvents> {
  const { workspaceId, rejectsPath } = options;
  const file = await openRows(options.source, options);
  if (rejectsPath !== undefined) await checkRejectsPath(rejectsPath, file.source);
  const progress = (phase: 'reading' | 'loading') => (done: number) =>
    options.onProgress?.(phase, done, file.source.size);
  const now = options.now === undefined ? Date.now() : momentOf(options.now).now;
  const reader = await openEventReader(file, {
    map: options.map,
    dates: options.dates,
    nulls: options.nulls,
    strict: options.strict,
    workspaceId,
    now,
    onProgress: progress('reading'),
  });
  await checkUnchanged(file.source);
  const rejects = openRejects(rejectsPath, reader.header, file.delimiter);
  return load(pool, { options, file, reader, rejects, progress: progress('loading') });
}

interface Loading {
  readonly options: ImportEvents;
  readonly file: RowFile;
  readonly reader: EventReader;
  readonly rejects: Rejects;
  readonly progress: (done: number) => void;
}

/** Where an event stands in the file, for when it has to be refused after all. */
interface EventRow {
  readonly event: CheckedTrack;
  readonly line: number;
  readonly cells: readonly string[];
  readonly takeBack: () => void;
}

function namesOfRow({ event }: EventRow): SentName[] {
  return namesOfTrack(event);
}

async function load(
  pool: Pool,
  { options, file, reader, rejects, progress }: Loading,
): Promise<ImportedEvents> {
  const { dryRun = false } = options;
  const counts = { rows: 0, loaded: 0, stored: 0 };
  let batch: EventRow[] = [];
  const loader = oneAhead(async (rows: readonly EventRow[]) => {
    const note = { note: !dryRun };
    const { admitted, refused } = await admitNamesOfMany(pool, options.workspaceId, rows, namesOfRow, note);
    for (const { item, refusal } of refused) {
      item.takeBack();
      rejects.add(item.line, [refusal.first], item.cells);
    }
    const events = admitted.map(({ event }) => event);
    counts.stored += dryRun ? once(events).length : await store(pool, options, events);
    counts.loaded += events.length;
  });
  const full: EventRow[][] = [];
  const onRow = (line: number, built: BuiltEvent, cells: readonly string[]): void => {
    counts.rows += 1;
    if ('problems' in built) {
      rejects.add(line, built.problems, cells);
      return;
    }
    if (built.refused.length > 0) rejects.addCells(line, built.refused, cells);
    batch.push({ event: built.event, line, cells, takeBack: built.takeBack });
    if (batch.length < batchSize) return;
    full.push(batch);
    batch = [];
  };
  try {
    for await (const done of reader.rows(onRow)) {
      for (const events of full.splice(0)) await loader.next(events);
      await rejects.flush();
      progress(done);
    }
    if (batch.length > 0) await loader.next(batch);
    await loader.end();
  } catch (error) {
    await loader.end().catch(() => undefined);
    await rejects.close().catch(() => undefined);
    throw interrupted(error, { loaded: counts.loaded, created: counts.stored });
  }
  return {
    rows: counts.rows,
    stored: counts.stored,
    repeated: counts.loaded - counts.stored,
    rejected: rejects.rows,
    cellsRefused: rejects.cells,
    columns: reader.columns(),
    rejects: rejects.first,
    format: file.format,
    delimiter: file.delimiter,
    encoding: file.encoding,
    dryRun,
    rejectsFile: await rejects.close(),
  };
}

async function store(
  pool: Pool,
  { workspaceId, fireTriggers = false }: ImportEvents,
  events: readonly CheckedTrack[],
): Promise<number> {
  const arrival = fireTriggers ? 'announced' : 'history';
  let stored = 0;
  for (const by of ['user_id', 'anonymous_id'] as const satisfies readonly RecordEvent['by'][]) {
    const some = once(events.filter(({ record }) => record.by === by));
    if (some.length > 0) stored += await retryLost(() => trackMany(pool, workspaceId, by, some, arrival));
  }
  return stored;
}

/** The first of those with one message id. */
function once(events: readonly CheckedTrack[]): CheckedTrack[] {
  const known = new Set<string | null>();
  return events.filter(({ record: { messageId } }) => {
    const isNew = !known.has(messageId);
    known.add(messageId);
    return isNew;
  });
}
