import { Command, Option } from 'commander';
import { filterWarnings } from '../../audience/lint/warnings.js';
import { zoneOf } from '../../audience/workspace.js';
import {
  cancelBroadcast,
  deleteBroadcast,
  getBroadcast,
  installationEmail,
  launchBroadcast,
  listBroadcasts,
  listRecipients,
  loadBroadcastDocument,
  parseBroadcast,
  parseBroadcastJson,
  pauseBroadcast,
  previewBroadcast,
  recipientStates,
  reportBroadcast,
  resumeBroadcast,
  saveBroadcast,
  testBroadcast,
  verdicts,
} from '../../automation/index.js';
import type { ListRecipients, SavedBroadcast, WhichRun } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { segmentsIn } from '../../filter/named-in.js';
import { findPerson } from '../../traits/find-person.js';
import { withExamples, withJson, withUser, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { number, out, plain } from '../terminal.js';
import { printWarnings } from '../views/findings.js';
import { breakdownLines, broadcastLines, recipientLines, reportLines } from '../views/broadcasts.js';

type Options = WorkspaceOptions & JsonOptions;
type OfRun = Options & WhichRun;

/** `muster broadcast ...`: one message to everybody in an audience, counted before it is launched. */
export function broadcastCommand(): Command {
  const command = new Command('broadcast').description(
    'The broadcasts of a workspace: one message to everybody in an audience, which is frozen at the launch. The number that ' +
      '`preview` shows is what a launch sends. What is to be sent is sent by `muster worker` or `muster start`.',
  );
  command.addCommand(part('list', 'Lists the broadcasts, the latest first.').action(list));
  command.addCommand(withKey('show', 'Shows one broadcast as it was written.').action(show));
  command.addCommand(
    part('save', 'Saves a broadcast as a draft, or changes one that was not launched.')
      .argument('<file>', 'a path to a JSON file, or the JSON itself')
      .action(save),
  );
  command.addCommand(
    withKey('preview', 'Counts what a launch would do now, and shows a few people of each kind.')
      .option('--sample <number>', 'people shown of each kind', wholeNumber(0, 1000), 5)
      .action(preview),
  );
  command.addCommand(
    withKey('launch', 'Freezes the audience and hands it to the workers.')
      .option('--run <name>', 'names this launch of a broadcast that is launched many times')
      .action(launch),
  );
  command.addCommand(
    withUser(withKey('test', 'Sends it to one person now; hours, caps, rate and schedule do not hold.'))
      .option('--variant <key>', 'the variant (default: the one that the person would get)')
      .action(test),
  );
  command.addCommand(withRun(withKey('report', 'Tells how it goes, or went.')).action(report));
  command.addCommand(
    withRun(withKey('recipients', 'Lists who was in the audience, and what became of each.'))
      .addOption(new Option('--state <state>', 'only those').choices([...recipientStates]))
      .addOption(new Option('--verdict <verdict>', 'only those').choices([...verdicts]))
      .option('--variant <key>', 'only those who have it')
      .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
      .option('--after <next>', 'goes on where a page ended')
      .action(recipients),
  );
  command.addCommand(
    withRun(withKey('pause', 'Stops sending; what is on its way arrives.')).action(changing(pauseBroadcast)),
  );
  command.addCommand(
    withRun(withKey('resume', 'Goes on where it stopped.')).action(changing(resumeBroadcast)),
  );
  command.addCommand(
    withRun(withKey('cancel', 'Ends it for good: people who were not sent to are skipped.')).action(
      changing(cancelBroadcast),
    ),
  );
  command.addCommand(
    withKey('delete', 'Removes a draft; archives what was launched.')
      .option('--force', 'cancel what is under way')
      .action(remove),
  );
  return withExamples(command, [
    ['muster broadcast save ./spring.json --workspace acme', 'a new draft, or a change of one'],
    ['muster broadcast preview spring', 'how many it would reach, and why not more'],
    ['muster broadcast test spring --user user_1106', 'how it looks to one person'],
    ['muster broadcast launch spring', 'sends exactly that'],
    ['muster broadcast report spring --json', 'how it goes, for a program'],
    ['muster broadcast recipients spring --state skipped', 'who was left out, and why'],
  ]);
}

/** One of the commands below `broadcast`. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function withKey(name: string, summary: string): Command {
  return part(name, summary).argument('<key>', 'the key of the broadcast');
}

function withRun(command: Command): Command {
  return command.option('--run <name>', 'the launch (default: the latest)');
}

/** Runs on a workspace that exists. Errors: `unknown_workspace`. */
async function inside<T>({ workspace }: Options, work: (pool: Pool) => Promise<T>): Promise<T> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspace);
    return work(pool);
  });
}

function print(json: true | undefined, document: object, lines: readonly string[]): void {
  if (json) out.line(JSON.stringify(document));
  else for (const line of lines) out.line(line);
}

const done = (text: string): string => `${out.style('green', '✓')} ${text}`;

async function list(options: Options): Promise<void> {
  const broadcasts = await inside(options, (pool) => listBroadcasts(pool, options.workspace));
  print(options.json, { broadcasts }, broadcastLines(out, broadcasts));
}

async function show(key: string, options: Options): Promise<void> {
  const broadcast = await inside(options, (pool) => getBroadcast(pool, options.workspace, key));
  const document = JSON.stringify(broadcast.definition, null, 2).split('\n').map(plain);
  print(options.json, broadcast, [...broadcastLines(out, [broadcast]), '', ...document]);
}

async function save(input: string, options: Options): Promise<void> {
  const source = /^\s*\{/.test(input) ? parseBroadcastJson(input) : await loadBroadcastDocument(input);
  // Checked before any server is started, but for segments, which only the workspace knows.
  if (segmentsIn(source).length === 0) parseBroadcast(source);
  const email = installationEmail(process.env);
  const saved = await inside(options, async (pool) => {
    const broadcast = await saveBroadcast(pool, options.workspace, source, { email });
    const { audience } = broadcast.definition;
    const warnings = await filterWarnings(pool, options.workspace, audience, Date.now(), '/audience');
    return { ...broadcast, warnings };
  });
  print(options.json, saved, [
    done(`${saved.key} is saved; muster broadcast preview ${saved.key} counts it`),
  ]);
  printWarnings(options.json, saved.warnings);
}

async function preview(key: string, options: Options & { sample: number }): Promise<void> {
  const { workspace, sample } = options;
  const shown = await inside(options, (pool) => previewBroadcast(pool, workspace, key, { sample }));
  print(options.json, shown, breakdownLines(out, shown, shown.samples, shown.shared_addresses));
}

async function launch(key: string, options: OfRun): Promise<void> {
  const { workspace, run } = options;
  const launched = await inside(options, (pool) => launchBroadcast(pool, workspace, key, { run }));
  const people = number(launched.breakdown.to_send);
  const said = launched.again
    ? `${key} was launched already, for ${people} people`
    : `${key} is launched: ${people} will be sent to`;
  print(options.json, launched, [done(said), ...breakdownLines(out, launched.breakdown)]);
}

async function test(key: string, options: Options & { user: string; variant?: string }): Promise<void> {
  const { workspace, user, variant } = options;
  const sent = await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId: workspace, text: user });
    return testBroadcast(pool, workspace, key, { userId, variant });
  });
  const gaps = sent.without.map((field) => out.style('yellow', `  no value for ${plain(field)}`));
  print(options.json, sent, [done(`${key} goes to ${plain(user)}; see --run ${sent.run}`), ...gaps]);
}

async function report(key: string, options: OfRun): Promise<void> {
  const { workspace, run } = options;
  const told = await inside(options, (pool) => reportBroadcast(pool, workspace, key, { run }));
  print(options.json, told, reportLines(out, told));
}

async function recipients(key: string, options: Options & ListRecipients): Promise<void> {
  const { workspace, run, state, verdict, variant, limit, after } = options;
  const asked = { run, state, verdict, variant, limit, after };
  const page = await inside(options, (pool) => listRecipients(pool, workspace, key, asked));
  const more = page.next === null ? [] : ['', `  more with --after ${page.next}`];
  print(options.json, page, [...recipientLines(out, page.recipients), ...more]);
}

function changing(
  change: (pool: Pool, workspaceId: string, key: string, which: WhichRun) => Promise<SavedBroadcast>,
): (key: string, options: OfRun) => Promise<void> {
  return async (key, options) => {
    const { workspace, run } = options;
    const changed = await inside(options, (pool) => change(pool, workspace, key, { run }));
    print(options.json, changed, [done(`${changed.key} is ${changed.state}`)]);
  };
}

async function remove(key: string, options: Options & { force?: true }): Promise<void> {
  const { workspace, force = false } = options;
  const deleted = await inside(options, (pool) => deleteBroadcast(pool, workspace, key, { force }));
  const gone = deleted.state === 'archived' ? 'archived' : 'removed';
  print(options.json, deleted, [done(`${deleted.key} is ${gone}`)]);
}
