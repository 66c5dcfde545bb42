import { Command, Option } from 'commander';
import { MusterError } from '../../errors/index.js';
import type { Pool } from '../../database/pool.js';
import { importEvents } from '../../traits/import-events.js';
import type { ImportedEvents } from '../../traits/import-events.js';
import { importUsers } from '../../traits/import.js';
import type { Imported, ImportUsers } from '../../traits/import.js';
import { dateOrders, emptyCells, importKeys, parseMap, parseWords } from '../../traits/import/options.js';
import { presetNames } from '../../traits/import/presets.js';
import { fileFormats } from '../../traits/rows/source.js';
import { Found } from '../found.js';
import { withExamples, withJson, withWorkspace } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { progressBar } from '../progress.js';
import { makeWorkspace } from '../sample.js';
import { withServers } from '../servers.js';
import { withInputFile } from '../standard-input.js';
import { out } from '../terminal.js';
import { showImport } from '../views/imported.js';

/** `muster import FILE`: loads people from a file. */
export function importCommand(): Command {
  const command = new Command('import')
    .description(
      'Loads people from a file, additively, without moving last_seen and, unless asked, without starting series. A table needs ' +
        'a column with the id or, with --key email, the address; every other column is a trait unless it is mapped, known or ' +
        'reserved. NDJSON has {"user_id", "traits"} a line, JSON a list of the same. Format, separator and encoding are ' +
        'detected. What a cell becomes is decided by the type that its trait has, or by the column; a cell that does not fit is ' +
        'kept out and named. Ends with 1 when a row or a cell was refused.',
    )
    .argument('<file>', 'the file, or - for standard input')
    .addOption(new Option('--preset <name>', 'whose export it is').choices(presetNames))
    .option('--map <pairs>', 'fields by column, such as "Email Address=email,Plan=plan"', collected)
    .option('--id <column>', 'the column with the id that your product knows people by')
    .addOption(new Option('--key <field>', 'what people are found by').choices(importKeys).default('user_id'))
    .option('--create', 'with --key email: make whoever is not found, with the address as the id', false)
    .addOption(
      new Option(
        '--dates <order>',
        'the order in dates such as 05.12.2026; without it they are refused',
      ).choices(dateOrders),
    )
    .addOption(
      new Option('--empty <what>', 'what an empty cell does to the trait')
        .choices(emptyCells)
        .default('leave'),
    )
    .option('--null <words>', 'words for nothing among numbers, booleans and times, such as "NULL,N/A,-"')
    .addOption(
      new Option('--events', 'the file holds events: who, what, when, and properties')
        .default(false)
        .conflicts(['preset', 'id', 'key', 'create', 'empty']),
    )
    .option('--strict', 'a bad cell refuses its row, a column that cannot be loaded refuses the file', false)
    .option('--dry-run', 'read and count everything, write nothing', false)
    .addOption(new Option('--format <format>', 'default: by the name and the content').choices(fileFormats))
    .option('--delimiter <character>', 'also comma, semicolon, tab or pipe (default: detected)')
    .option('--encoding <name>', 'such as windows-1252 (default: detected; UTF-8 or UTF-16)')
    .option('--fire-triggers', 'announce people who are new as user_created, which starts series', false)
    .option(
      '--rejects <file>',
      'where refused rows and cells go (default: FILE.rejects.csv, written only when there are some)',
    )
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster import users.csv', 'into the workspace sample'],
    [
      'muster import people.ndjson --workspace acme',
      'into a workspace of its own, made when it is not there',
    ],
    [
      'muster import customers.csv --id "Customer ID" --map "Email Address=email,Name=name" --dry-run',
      'what would become of each column, and nothing written',
    ],
    [
      'muster import members.csv --preset mailchimp --key email --create',
      "Mailchimp's export, people matched by address",
    ],
    ['muster import kunden.csv --encoding windows-1252 --dates dmy', 'from a European Excel'],
    ['psql -c "COPY users TO STDOUT CSV HEADER" | muster import - --preset postgres', 'from a pipe'],
    [
      'muster import orders.csv --events --map "Customer=user_id,Bought at=occurred_at"',
      'what people did before; starts no series, and twice the same file stores it once',
    ],
  ]);
}

type Options = WorkspaceOptions &
  JsonOptions &
  Pick<
    ImportUsers,
    | 'preset'
    | 'id'
    | 'key'
    | 'create'
    | 'dates'
    | 'empty'
    | 'strict'
    | 'dryRun'
    | 'format'
    | 'delimiter'
    | 'encoding'
  > & { map?: string[]; null?: string; rejects?: string; fireTriggers: boolean; events: boolean };

function collected(text: string, earlier: string[] = []): string[] {
  return [...earlier, text];
}

async function run(file: string, options: Options): Promise<void> {
  const map = parseMap(options.map ?? []);
  const imported = await withInputFile(file, (source) =>
    withServers({ redis: false, schema: 'check', makeData: true }, async ({ pool }) => {
      const started = performance.now();
      const bar = progressBar();
      let done: Imported | ImportedEvents;
      try {
        done = await importInto(pool, options, {
          ...options,
          workspaceId: options.workspace,
          source,
          name: file === '-' ? 'standard input' : undefined,
          map,
          nulls: options.null === undefined ? undefined : parseWords(options.null),
          rejectsPath: rejectsPath(file, options),
          onProgress: bar.update,
        });
      } finally {
        bar.stop();
      }
      if (options.json) out.line(JSON.stringify(asJson(done)));
      else {
        const milliseconds = performance.now() - started;
        showImport({
          file: file === '-' ? 'standard input' : file,
          workspace: options.workspace,
          imported: done,
          milliseconds,
        });
      }
      return done;
    }),
  );
  if (imported.rejected + imported.cellsRefused > 0) throw new Found();
}

/** A dry run leaves no file behind unless one is named. */
function rejectsPath(file: string, { rejects, dryRun }: Options): string | undefined {
  if (rejects !== undefined || dryRun === true) return rejects;
  return `${file === '-' ? 'stdin' : file}.rejects.csv`;
}

function asJson({ rejectsFile, cellsRefused, dryRun, ...counts }: Imported | ImportedEvents): object {
  return { ...counts, cells_refused: cellsRefused, dry_run: dryRun, rejects_file: rejectsFile };
}

/** The workspace is made once people are in it: a file that is refused leaves nothing behind. */
async function importInto(
  pool: Pool,
  { events }: Pick<Options, 'events'>,
  options: ImportUsers,
): Promise<Imported | ImportedEvents> {
  const { workspaceId, dryRun } = options;
  try {
    const imported = await (events ? importEvents(pool, options) : importUsers(pool, options));
    if (dryRun !== true) await makeWorkspace(pool, workspaceId, workspaceId);
    return imported;
  } catch (error) {
    if (
      error instanceof MusterError &&
      error.code === 'import_interrupted' &&
      error.details['loaded'] !== 0 &&
      dryRun !== true
    ) {
      // People are there, so their workspace is made; where that fails too, the first error is the one to tell.
      await makeWorkspace(pool, workspaceId, workspaceId).catch(() => undefined);
    }
    throw error;
  }
}
