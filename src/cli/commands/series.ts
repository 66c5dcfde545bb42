import { Command, Option } from 'commander';
import { zoneOf } from '../../audience/workspace.js';
import {
  archiveSeries,
  diffSeries,
  enrollByHand,
  getSeries,
  installationEmail,
  listEnrollments,
  listSeries,
  listVersions,
  moveToVersion,
  pauseSeries,
  removeFromSeries,
  resumeSeries,
  saveSeries,
  storyOf,
  warningsAbout,
} from '../../automation/index.js';
import type { EnrollmentState, SavedSeries } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import type { RefusalReason } from '../../automation/series/moves.js';
import { momentOf } from '../../filter/time.js';
import { findPerson } from '../../traits/find-person.js';
import { withExamples, withJson, withUser, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { readSeriesDocument } from '../series-input.js';
import { Found } from '../found.js';
import { withServers } from '../servers.js';
import { number, out, plain } from '../terminal.js';
import { printWarnings } from '../views/findings.js';
import { enrollmentLines, seriesLines, storyLines } from '../views/series.js';
import { seriesDiffLines } from '../views/series-diff.js';

type Options = WorkspaceOptions & JsonOptions;
type Page = Options & { limit: number; after?: string };

/** `muster series ...`: the series of a workspace, and who is inside. */
export function seriesCommand(): Command {
  const command = new Command('series').description(
    'The series of a workspace. Saving a changed one makes a new version; people inside keep the version they entered ' +
      'until they are moved. What is to be done is done by `muster worker` or `muster start`.',
  );
  command.addCommand(part('list', 'Lists the series.').action(list));
  command.addCommand(withKey('show', 'Shows one series, with its versions.').action(show));
  command.addCommand(
    part('save', 'Saves a series: a new one, or a new version of one that changed.')
      .argument('<file>', 'a path to a JSON file, the JSON itself, or the key of an example')
      .action(save),
  );
  command.addCommand(
    part('diff', 'Says whom saving it would concern: who joins, leaves, would enter; saves nothing.')
      .argument('<file>', 'a path to a JSON file, the JSON itself, or the key of an example')
      .option('--sample <count>', 'people to show of each', wholeNumber(0, 100), 5)
      .action(diff),
  );
  command.addCommand(
    withKey('pause', 'Stops it: nobody enters, and what comes due is held.').action(changing(pauseSeries)),
  );
  command.addCommand(
    withKey('resume', 'Takes it up again: what was held goes out.').action(changing(resumeSeries)),
  );
  command.addCommand(
    withKey('archive', 'Ends it for good: people inside leave, and nothing more is sent.').action(
      changing(archiveSeries),
    ),
  );
  command.addCommand(
    withUser(
      withKey(
        'enroll',
        'Lets a person in without the trigger; everything else holds. Exit code 1: they did not enter.',
      ),
    ).action(enroll),
  );
  command.addCommand(withUser(withKey('remove', 'Takes a person out.')).action(remove));
  command.addCommand(
    withKey('move', 'Moves the people inside to a version, each to the step of the same key.')
      .option('--to <version>', 'the version (default: the current one)', wholeNumber(1, 999_999_999))
      .option('--from <version>', 'only those on this version', wholeNumber(1, 999_999_999))
      .action(move),
  );
  command.addCommand(
    withPage(withKey('enrollments', 'Lists who is or was inside.'))
      .addOption(
        new Option('--state <state>', 'only those').choices(['active', 'completed', 'exited', 'held_out']),
      )
      .action(enrollments),
  );
  command.addCommand(
    withUser(withKey('story', "Tells one person's way, from the trigger to the last delivery.")).action(
      story,
    ),
  );
  return withExamples(command, [
    ['muster series save ./onboarding.json --workspace acme', 'a new series, or a new version'],
    ['muster series diff ./onboarding.json', 'who joins, who leaves, who would be messaged'],
    ['muster series story welcome --user user_1106', 'why somebody got what they got'],
    ['muster series enrollments welcome --state active --json', 'who is inside, for a program'],
  ]);
}

/** One of the commands below `series`. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function withKey(name: string, summary: string): Command {
  return part(name, summary).argument('<key>', 'the key of the series');
}

function withPage(command: Command): Command {
  return command
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
    .option('--after <next>', 'goes on where a page ended');
}

/** Runs on a workspace that exists. Errors: `unknown_workspace`. */
async function inside<T>({ workspace }: Options, work: (pool: Pool) => Promise<T>): Promise<T> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspace);
    return work(pool);
  });
}

/** The same about the person whom `--user` names. Errors: those of `findPerson`. */
async function ofPerson<T>(
  options: Options & { user: string },
  work: (pool: Pool, userId: string) => Promise<T>,
): Promise<T> {
  const { workspace: workspaceId, user: text } = options;
  return inside(options, async (pool) => work(pool, await findPerson(pool, { workspaceId, text })));
}

function print(json: true | undefined, document: object, lines: readonly string[]): void {
  if (json) out.line(JSON.stringify(document));
  else for (const line of lines) out.line(line);
}

const done = (text: string): string => `${out.style('green', '✓')} ${text}`;

async function list(options: Options): Promise<void> {
  const series = await inside(options, (pool) => listSeries(pool, options.workspace));
  print(options.json, { series }, seriesLines(out, series));
}

async function show(key: string, options: Options): Promise<void> {
  const { series, versions } = await inside(options, async (pool) => ({
    series: await getSeries(pool, options.workspace, key),
    versions: await listVersions(pool, options.workspace, key),
  }));
  print(options.json, { ...series, versions }, [
    ...seriesLines(out, [series]),
    '',
    ...versions.map(
      ({ version, inside: count, created_at: at }) =>
        `  version ${version}   ${at.toISOString().slice(0, 10)}   ${number(count)} inside`,
    ),
    '',
    plainJson(series.definition),
  ]);
}

/** A document over several lines, each of them safe to print. */
function plainJson(document: unknown): string {
  return JSON.stringify(document, null, 2).split('\n').map(plain).join('\n');
}

async function save(input: string, options: Options): Promise<void> {
  const source = await readSeriesDocument(input);
  const email = installationEmail(process.env);
  const { workspace } = options;
  const saved = await inside(options, async (pool) => {
    const series = await saveSeries(pool, workspace, source, { email });
    return { ...series, warnings: await warningsAbout(pool, workspace, series.definition, Date.now()) };
  });
  printWarnings(options.json, saved.warnings);
  print(options.json, saved, [done(`${saved.key} is ${saved.state} in version ${saved.version}`)]);
}

async function diff(file: string, options: Options & { sample: number }): Promise<void> {
  const input = await readSeriesDocument(file);
  const email = installationEmail(process.env);
  const { workspace: workspaceId, sample } = options;
  const found = await inside(options, async (pool) => {
    const moment = momentOf(Date.now(), await zoneOf(pool, workspaceId));
    return diffSeries(pool, { workspaceId, input, moment, sample }, { email });
  });
  print(options.json, found, seriesDiffLines(out, found));
}

function changing(
  change: (pool: Pool, workspaceId: string, key: string) => Promise<SavedSeries>,
): (key: string, options: Options) => Promise<void> {
  return async (key, options) => {
    const changed = await inside(options, (pool) => change(pool, options.workspace, key));
    print(options.json, changed, [done(`${changed.key} is ${changed.state}`)]);
  };
}

const notEntered: Readonly<Record<RefusalReason, string>> = {
  trigger: 'trigger: the condition of the trigger does not hold',
  suppressed: 'suppressed: nothing may be sent to them',
  inside: 'inside: they are in it already',
  entered_before: 'entered before: the entry is `once`',
  too_soon: 'too soon: they entered too short a time before',
  audience: 'audience: they are not in its audience',
};

async function enroll(key: string, options: Options & { user: string }): Promise<void> {
  const enrolled = await ofPerson(options, (pool, userId) =>
    enrollByHand(pool, options.workspace, key, userId),
  );
  const person = plain(options.user);
  print(options.json, enrolled, [
    enrolled.entered
      ? done(`${person} entered ${key}: ${enrolled.state.replace('_', ' ')}`)
      : `${out.style('yellow', '✗')} ${person} did not enter ${key}: ${notEntered[enrolled.reason]}`,
  ]);
  if (!enrolled.entered) throw new Found();
}

async function remove(key: string, options: Options & { user: string }): Promise<void> {
  const removed = await ofPerson(options, (pool, userId) =>
    removeFromSeries(pool, options.workspace, key, userId),
  );
  const person = plain(options.user);
  print(options.json, removed, [
    removed.removed > 0 ? done(`${person} is out of ${key}`) : `${person} is not inside ${key}`,
  ]);
}

async function move(key: string, options: Options & { to?: number; from?: number }): Promise<void> {
  const { workspace, to, from } = options;
  const moved = await inside(options, (pool) => moveToVersion(pool, workspace, key, to, from));
  const left = moved.left === 0 ? '' : `; ${number(moved.left)} are being worked on, ask again for them`;
  print(options.json, moved, [done(`${number(moved.moved)} moved to version ${moved.version}${left}`)]);
}

async function enrollments(key: string, options: Page & { state?: EnrollmentState }): Promise<void> {
  const { state, limit, after, workspace } = options;
  const page = await inside(options, (pool) =>
    listEnrollments(pool, workspace, key, { state, limit, after }),
  );
  print(options.json, page, [...enrollmentLines(out, page.enrollments), ...more(page.next)]);
}

async function story(key: string, options: Options & { user: string }): Promise<void> {
  const told = await ofPerson(options, (pool, userId) => storyOf(pool, options.workspace, key, userId));
  print(options.json, told, storyLines(out, told));
}

const more = (next: string | null): string[] => (next === null ? [] : ['', `  more with --after ${next}`]);
