import { Command } from 'commander';
import { exportAudience } from '../../audience/export.js';
import { filterWarnings } from '../../audience/lint/warnings.js';
import { diffSegment, editSegment } from '../../audience/segments/diff.js';
import { listMembers } from '../../audience/segments/members.js';
import { deleteSegment, getSegment, listSegments } from '../../audience/segments/store.js';
import { listOverrides, removeOverride, setOverride } from '../../audience/segments/overrides.js';
import type { Override } from '../../audience/segments/overrides.js';
import { parseFilterIn } from '../../audience/segments/saved.js';
import { loadPresets } from '../../audience/presets.js';
import { preview } from '../../audience/preview.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { momentOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { askedFilter, isInline, looksLikePath, readDocument } from '../filter-input.js';
import { findPerson } from '../../traits/find-person.js';
import { withExamples, withJson, withUser, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { progressBar } from '../progress.js';
import { err, number, out, people, plain } from '../terminal.js';
import { writeLines } from '../write-lines.js';
import { printWarnings } from '../views/findings.js';
import { diffLines, memberLines, segmentLine, segmentLines } from '../views/segments.js';

type Options = WorkspaceOptions & JsonOptions;

/** `muster segments ...`: filters saved under a key, and who is in them. */
export function segmentsCommand(): Command {
  const command = new Command('segments').description(
    'Filters saved under a key. Other filters name them, and series begin where people enter or leave. Members are kept ' +
      'by `muster worker` or `muster start`.',
  );
  command.addCommand(part('list', 'Lists the segments.').action(list));
  command.addCommand(withKey('show', 'Shows one segment.').action(show));
  command.addCommand(
    withFilter(withKey('save', 'Saves a segment: a new one, or a changed one.'))
      .option('--name <name>', 'what to call it (default: as it was, or the key)')
      .option('--no-track', 'compute it when asked, in place of storing its members')
      .option('--track', 'store its members')
      .option('--confirm', 'although series would take many people because of it')
      .action(save),
  );
  command.addCommand(
    withKey('members', 'Shows who is in it, those who entered last first.')
      .option('--limit <number>', 'how many', wholeNumber(1, 1000), 20)
      .option('--after <next>', 'the `next` of the page before, as --json shows it')
      .action(members),
  );
  command.addCommand(
    part(
      'export',
      'Writes the people of a segment or a filter to a CSV file, by default with all their traits.',
    )
      .argument(
        '<segment>',
        'the key of a segment; or a preset key, a path to a JSON file, or the filter itself',
      )
      .option('--fields <list>', 'fields as filters name them, separated by commas')
      .option('--out <file>', 'where it goes (default: standard output)')
      .action(exportCsv),
  );
  for (const [name, member, summary] of byHand) {
    command.addCommand(
      withUser(withKey(name, summary))
        .requiredOption('--reason <text>', 'why, for those who ask later')
        .option('--until <iso>', 'when the filter decides again, in ISO 8601 (default: never)')
        .action((key: string, options: ByHandOptions) => override(key, member, options)),
    );
  }
  command.addCommand(
    withUser(withKey('release', 'Lets the filter decide about a person again.')).action(release),
  );
  command.addCommand(withKey('overrides', 'Lists who is in it or kept out of it by hand.').action(overrides));
  command.addCommand(
    withFilter(withKey('diff', 'Says who would join and leave with another filter; saves nothing.'))
      .option('--sample <count>', 'people to show of each', wholeNumber(0, 100), 5)
      .action(diff),
  );
  command.addCommand(withKey('delete', 'Deletes one that nothing uses.').action(remove));
  return withExamples(command, [
    [
      `muster segments save admins '{"==": [{"var": "custom:role"}, "admin"]}'`,
      'inline; or a path to a JSON file',
    ],
    ['muster segments diff admins ./admins.json', 'who joins, who leaves, who would be messaged'],
    ['muster segments members admins --json', 'who is in it, for a program'],
    ['muster segments export admins --out admins.csv', 'everybody in it, for a spreadsheet'],
    [
      'muster segments exclude admins --user user_1106 --reason "asked support" --until 2030-01-31',
      'kept out by hand',
    ],
    [`muster preview '{"segment": "admins"}'`, 'a filter that names it'],
  ]);
}

function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function withKey(name: string, summary: string): Command {
  return part(name, summary).argument('<key>', 'the key of the segment');
}

function withFilter(command: Command): Command {
  return command.argument('<filter>', 'the filter: JSON, a path to a JSON file, or a preset key');
}

/** Runs on a workspace that exists, at this moment in its zone. Errors: `unknown_workspace`. */
async function inside<T>(
  { workspace }: Options,
  work: (pool: Pool, moment: Moment) => Promise<T>,
): Promise<T> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) =>
    work(pool, momentOf(Date.now(), await zoneOf(pool, workspace))),
  );
}

function print(json: true | undefined, document: object, lines: readonly string[]): void {
  if (json) out.line(JSON.stringify(document));
  else for (const line of lines) out.line(line);
}

async function list(options: Options): Promise<void> {
  const segments = await inside(options, (pool) => listSegments(pool, options.workspace));
  print(options.json, { segments }, segmentLines(out, segments));
}

async function show(key: string, options: Options): Promise<void> {
  const segment = await inside(options, (pool) => getSegment(pool, options.workspace, key));
  const { name, sentence, filter } = segment;
  print(options.json, segment, [
    `${out.style('bold', plain(key))}  ${plain(name)}`,
    `  ${segmentLine(segment)}`,
    `  ${plain(sentence)}`,
    `  ${JSON.stringify(filter)}`,
  ]);
}

type SaveOptions = Options & { name?: string; track?: boolean; confirm?: true };

async function save(key: string, input: string, options: SaveOptions): Promise<void> {
  const filter = readDocument(input);
  const segment = {
    key,
    filter,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.track === undefined ? {} : { tracked: options.track }),
  };
  const { workspace, confirm = false } = options;
  const saved = await inside(options, async (pool, moment) => {
    const edited = await editSegment(pool, workspace, segment, { confirm, moment });
    return { ...edited, warnings: await filterWarnings(pool, workspace, edited.filter, moment.now) };
  });
  printWarnings(options.json, saved.warnings);
  print(options.json, saved, [`${out.style('green', '✓')} ${key} is saved: ${segmentLine(saved)}`]);
}

async function members(key: string, options: Options & { limit: number; after?: string }): Promise<void> {
  const { workspace: workspaceId, limit, after } = options;
  const found = await inside(options, (pool, moment) =>
    listMembers(pool, { workspaceId, key, moment, limit, after }),
  );
  print(options.json, found, memberLines(out, found));
}

const byHand = [
  ['include', true, 'Puts a person into it, whatever its filter says.'],
  ['exclude', false, 'Keeps a person out of it, whatever its filter says.'],
] as const;

type ByHandOptions = Options & { user: string; reason: string; until?: string };

async function override(key: string, member: boolean, options: ByHandOptions): Promise<void> {
  const { workspace: workspaceId, user: text, reason, until } = options;
  const set = await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId, text });
    return setOverride(pool, { workspaceId, key, userId, member, reason, until });
  });
  print(options.json, set, [`${out.style('green', '✓')} ${overrideText(key, set)}`]);
}

async function release(key: string, options: Options & { user: string }): Promise<void> {
  const { workspace: workspaceId, user: who } = options;
  const done = await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId, text: who });
    return removeOverride(pool, { workspaceId, key, userId });
  });
  const text = done.removed ? 'its filter decides again' : 'its filter decided already';
  print(options.json, done, [`${out.style('green', '✓')} ${plain(who)}: ${text}`]);
}

async function overrides(key: string, options: Options): Promise<void> {
  const found = await inside(options, (pool) => listOverrides(pool, options.workspace, key));
  const lines = found.map((each) => overrideText(key, each));
  print(options.json, { overrides: found }, lines.length === 0 ? [`nobody is set by hand in ${key}`] : lines);
}

function overrideText(key: string, { user_id: userId, member, reason, until }: Override): string {
  const end = until === null ? '' : ` until ${until.toISOString()}`;
  return `${plain(userId)} is ${member ? 'in' : 'kept out of'} ${key}${end}: ${plain(reason)}`;
}

type ExportOptions = Options & { fields?: string; out?: string };

async function exportCsv(input: string, options: ExportOptions): Promise<void> {
  const { workspace: workspaceId, out: file } = options;
  const fields = options.fields?.split(',').map((field) => field.trim());
  await inside(options, async (pool, moment) => {
    const filter = await audienceNamed(pool, workspaceId, input);
    const bar = progressBar();
    const shows = err.interactive && file !== undefined;
    const total = shows ? (await preview(pool, { workspaceId, filter, moment, sample: 0 })).count : 0;
    let done = 0;
    const lines = exportAudience(pool, { workspaceId, filter, moment, fields });
    const written = await writeLines(lines, file, (piece) => {
      done += piece.split('\r\n').length - 1;
      if (shows) bar.update('export', Math.min(done, total), total);
    }).finally(bar.stop);
    if (options.json) err.line(JSON.stringify({ people: written, file: file ?? null }));
    else if (file !== undefined) out.line(`${out.style('green', '✓')} ${people(written)} in ${plain(file)}`);
  });
}

/** The people of a segment by its key, else of a filter. Errors: `segment_not_found` and the language's own. */
async function audienceNamed(pool: Pool, workspaceId: string, input: string): Promise<Filter> {
  if (isInline(input) || looksLikePath(input)) return askedFilter(input).in(pool, workspaceId);
  const saved = await listSegments(pool, workspaceId);
  const preset = loadPresets().find(({ key }) => key === input);
  if (preset !== undefined && !saved.some(({ key }) => key === input)) return preset.filter;
  await getSegment(pool, workspaceId, input);
  return parseFilterIn(pool, workspaceId, { segment: input });
}

async function diff(key: string, input: string, options: Options & { sample: number }): Promise<void> {
  const filter = readDocument(input);
  const { workspace: workspaceId, sample } = options;
  const found = await inside(options, (pool, moment) =>
    diffSegment(pool, { workspaceId, key, filter, moment, sample }),
  );
  print(options.json, found, diffLines(out, found));
}

async function remove(key: string, options: Options): Promise<void> {
  const deleted = await inside(options, (pool) => deleteSegment(pool, options.workspace, key));
  const line = `${out.style('green', '✓')} ${key} is deleted, at version ${number(deleted.version)}`;
  print(options.json, deleted, [line]);
}
