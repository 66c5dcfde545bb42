import { Command, Option } from 'commander';
import { MusterError } from '../../errors/index.js';
import type { Pool } from '../../database/pool.js';
import { importUsers } from '../../traits/import.js';
import type { Imported, FileFormat } from '../../traits/import.js';
import { withExamples, withJson, withWorkspace } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { progressBar } from '../progress.js';
import { makeWorkspace } from '../sample.js';
import { withServers } from '../servers.js';
import { duration, number, out, plain, table } from '../terminal.js';

/** `muster import FILE`: loads people from a file. */
export function importCommand(): Command {
  const command = new Command('import')
    .description(
      'Loads people from a file, additively, without moving last_seen and, unless asked, without starting series. CSV and TSV need a ' +
        'user_id column, every other column is a trait; NDJSON has {"user_id", "traits"} a line. Rows that cannot be loaded ' +
        'go to a file of their own with line and reason, the others are loaded.',
    )
    .argument('<file>', 'the file')
    .addOption(
      new Option('--format <format>', 'when the name does not tell').choices(['csv', 'tsv', 'ndjson']),
    )
    .option('--fire-triggers', 'announce people who are new as user_created, which starts series', false)
    .option(
      '--rejects <file>',
      'where rejected rows go (default: FILE.rejects.csv, written only when there are some)',
    )
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster import users.csv', 'into the workspace sample'],
    [
      'muster import people.ndjson --workspace acme',
      'into a workspace of its own, made when it is not there',
    ],
  ]);
}

type Options = WorkspaceOptions &
  JsonOptions & { format?: FileFormat; rejects?: string; fireTriggers: boolean };

async function run(file: string, options: Options): Promise<void> {
  await withServers({ redis: false, schema: 'check', makeData: true }, async ({ pool }) => {
    const started = performance.now();
    const bar = progressBar();
    let imported: Imported;
    try {
      imported = await importInto(pool, file, options, bar.update);
    } finally {
      bar.stop();
    }
    if (options.json) {
      const { rejectsFile, ...counts } = imported;
      out.line(JSON.stringify({ ...counts, rejects_file: rejectsFile }));
    } else {
      show(file, options.workspace, imported, performance.now() - started);
    }
  });
}

/** The workspace is made once people are in it: a file that is refused leaves nothing behind. */
async function importInto(
  pool: Pool,
  file: string,
  { workspace, format, rejects, fireTriggers }: Options,
  onProgress: (phase: string, done: number, total: number) => void,
): Promise<Imported> {
  const rejectsPath = rejects ?? `${file}.rejects.csv`;
  try {
    const imported = await importUsers(pool, {
      workspaceId: workspace,
      source: file,
      format,
      rejectsPath,
      fireTriggers,
      onProgress,
    });
    await makeWorkspace(pool, workspace, workspace);
    return imported;
  } catch (error) {
    if (
      error instanceof MusterError &&
      error.code === 'import_interrupted' &&
      error.details['loaded'] !== 0
    ) {
      // People are there, so their workspace is made; where that fails too, the first error is the one to tell.
      await makeWorkspace(pool, workspace, workspace).catch(() => undefined);
    }
    throw error;
  }
}

function show(file: string, workspace: string, imported: Imported, milliseconds: number): void {
  const { rows, created, updated, rejected, rejects, rejectsFile } = imported;
  const mark = rejected === 0 ? out.style('green', '✓') : out.style('yellow', '!');
  out.line(
    `${mark} ${number(rows)} rows of ${plain(file)} into ${workspace}  ${out.style('dim', duration(milliseconds))}`,
  );
  const counts = [
    [number(created), 'created'],
    [number(updated), 'updated'],
    [number(rejected), 'rejected'],
  ];
  for (const line of table(counts, [0])) out.line(`  ${line}`);
  if (rejected === 0) return;
  out.line();
  const shown = rejects.slice(0, 10).map(({ line, message }) => [`line ${line}`, plain(message)]);
  for (const line of table(shown)) out.line(`  ${line}`);
  if (rejected > shown.length) out.line(`  and ${number(rejected - shown.length)} more`);
  if (rejectsFile !== null) out.line(`  all of them, with their reasons: ${plain(rejectsFile)}`);
}
