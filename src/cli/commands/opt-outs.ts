import { Command } from 'commander';
import { addOptOutsFromFile } from '../../traits/opt-outs-file.js';
import type { OptOutsRead } from '../../traits/opt-outs-file.js';
import type { OptOutList } from '../../traits/statements/add-opt-outs.js';
import { listSuppressed, listUnsubscribed } from '../../traits/suppression.js';
import type { SuppressionEntry, UnsubscribeEntry } from '../../traits/suppression.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { Found } from '../found.js';
import { withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { progressBar } from '../progress.js';
import { withServers } from '../servers.js';
import { number, out, plain, rowsOf, table } from '../terminal.js';

type Options = WorkspaceOptions & JsonOptions;

/** `muster suppressions ...`: who the workspace sends nothing to. */
export function suppressionsCommand(): Command {
  return optOutsCommand('suppressions', 'Who the workspace sends nothing to, by user id or e-mail address.');
}

/** `muster unsubscribes ...`: who asked for no more messages, about one topic or about all. */
export function unsubscribesCommand(): Command {
  return optOutsCommand(
    'unsubscribes',
    'Who asked for no more messages, about one topic or about all, by user id or e-mail address.',
  );
}

function optOutsCommand(list: OptOutList, description: string): Command {
  const command = new Command(list).description(description);
  command.addCommand(
    part('list', 'Lists the entries.')
      .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
      .option('--after <next>', 'the `next` of the page before, as --json shows it')
      .action((options: PageOptions) => show(list, options)),
  );
  const reading = part(
    'import',
    'Adds the people of a CSV, TSV, NDJSON or JSON file. Nobody is taken off the list.',
  )
    .argument('<file>', 'the file, with a column of user ids, of addresses, or both')
    .option('--id <column>', 'the column of user ids', 'user_id')
    .option('--email <column>', 'the column of addresses', 'email')
    .option('--reason <text>', 'why, for rows that have no column `reason`')
    .option('--source <text>', 'where it comes from, for rows that have no column `source`', 'file');
  if (list === 'unsubscribes') {
    reading.option('--topic <topic>', 'for rows that have no column `topic` (default: all topics)');
  }
  command.addCommand(reading.action((file: string, options: ImportOptions) => load(list, file, options)));
  return withExamples(command, [
    [
      `muster ${list} import unsubscribed.csv --email "Email Address"`,
      'a list that another product exported',
    ],
    [`muster ${list} list --json`, 'who is on it, for a program'],
  ]);
}

/** One of the commands below. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

/** Runs on a workspace that exists. Errors: `unknown_workspace`. */
async function inside<T>({ workspace }: Options, work: (pool: Pool) => Promise<T>): Promise<T> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspace);
    return work(pool);
  });
}

type PageOptions = Options & { limit: number; after?: string };

async function show(list: OptOutList, options: PageOptions): Promise<void> {
  const { workspace: workspaceId, limit, after } = options;
  const read = list === 'suppressions' ? listSuppressed : listUnsubscribed;
  const found = await inside(options, (pool) => read(pool, { workspaceId, limit, after }));
  if (options.json) {
    out.line(JSON.stringify(found));
    return;
  }
  if (found.entries.length === 0) out.line(`nobody is on the list of ${list}`);
  for (const line of table(found.entries.map(rowOf))) out.line(line);
  if (found.next !== null) out.line(out.style('dim', `more: --after ${found.next}`));
}

function rowOf(entry: SuppressionEntry | UnsubscribeEntry): string[] {
  const { kind, identifier, reason, source, at } = entry;
  const topic = 'topic' in entry ? [entry.topic === null ? 'all topics' : plain(entry.topic)] : [];
  const who = identifier === null ? '(erased)' : plain(identifier);
  return [kind, who, ...topic, plain(reason), plain(source), at.toISOString().slice(0, 10)];
}

type ImportOptions = Options & { id: string; email: string; reason?: string; source: string; topic?: string };

async function load(list: OptOutList, file: string, options: ImportOptions): Promise<void> {
  const { workspace: workspaceId, id, email, reason, source, topic } = options;
  const read = await inside(options, async (pool) => {
    const bar = progressBar();
    return addOptOutsFromFile(pool, {
      workspaceId,
      list,
      file,
      columns: { userId: id, email },
      defaults: { reason, source, topic },
      onProgress: (done, total) => bar.update('reading', done, total),
    }).finally(bar.stop);
  });
  if (options.json) out.line(JSON.stringify(read));
  else for (const line of readLines(file, read)) out.line(line);
  if (read.rejected > 0) throw new Found();
}

function readLines(file: string, { rows, added, present, rejected, rejects }: OptOutsRead): string[] {
  const mark = rejected === 0 ? out.style('green', '✓') : out.style('yellow', '!');
  const counts = [
    [number(added), 'added'],
    [number(present), 'on the list already'],
    [number(rejected), 'rejected'],
  ];
  const shown = rejects.slice(0, 10).map(({ line, message }) => [`line ${line}`, plain(message)]);
  return [
    `${mark} ${rowsOf(rows)} of ${plain(file)}`,
    ...table(counts, [0]).map((line) => `  ${line}`),
    ...table(shown).map((line) => `  ${line}`),
    ...(rejected > shown.length ? [`  and ${number(rejected - shown.length)} more`] : []),
  ];
}
