import { Command } from 'commander';
import { explainUser } from '../../audience/explain.js';
import { zoneOf } from '../../audience/workspace.js';
import { explainBroadcast, explainSeries } from '../../automation/index.js';
import { refuse } from '../../errors/index.js';
import { momentOf } from '../../filter/time.js';
import { findPerson } from '../../traits/find-person.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withUser, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { broadcastLines } from '../views/broadcast-explanation.js';
import { decisionLines } from '../views/decision.js';
import { explanationLines } from '../views/explanation.js';

/** `muster explain F --user ID`: why one person matches or does not; `--series KEY`: why they are in a series or not; `--broadcast KEY`. */
export function explainCommand(): Command {
  const command = withUser(new Command('explain'))
    .description(
      'Says for one person whether they match, and for every condition what was seen and what was wanted. Of a series it ' +
        'says what was decided when the trigger came, what would be decided now, and all that was done since.',
    )
    .argument('[filter]', 'a preset key, a path to a JSON file, or the filter itself')
    .option('--series <key>', 'a series in the place of a filter')
    .option('--broadcast <key>', 'a broadcast in the place of a filter: sent, waiting, or why not')
    .option('--run <name>', 'with --broadcast: the launch (default: the latest)')
    .option('--at <iso>', 'with --series: the instant up to which decisions count (default: now)')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster explain admins --user user_1001', 'a preset'],
    [
      `muster explain '{"==": [{"var": "custom:role"}, "admin"]}' --user user_1001 --json`,
      'inline, for a program',
    ],
    ['muster explain --broadcast spring --user user_1001', 'whether they were sent it, and why not'],
    ['muster explain admins --user ann@example.com', 'a person by e-mail address'],
    ['muster explain --series welcome --user user_1001 --at 2026-01-31T12:00:00Z', 'what a series decided'],
  ]);
}

type Options = MomentOptions &
  WorkspaceOptions &
  JsonOptions & { user: string; series?: string; at?: string; broadcast?: string; run?: string };

async function run(input: string | undefined, options: Options): Promise<void> {
  const { series, broadcast } = options;
  if ([input, series, broadcast].filter((each) => each !== undefined).length !== 1)
    refuse('bad_usage', { reason: 'give one of a filter, --series and --broadcast', command: 'explain ' });
  if (broadcast !== undefined) return runBroadcast(broadcast, options);
  if (series !== undefined) return runSeries(series, options);
  const asked = askedFilter(input ?? '');
  const { workspace: workspaceId, user: text } = options;
  // Fails on a wrong instant or zone before any server is started.
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const filter = await asked.in(pool, workspaceId);
    const userId = await findPerson(pool, { workspaceId, text });
    const explanation = await explainUser(pool, { workspaceId, filter, userId, moment });
    if (options.json) out.line(JSON.stringify(explanation));
    else for (const line of explanationLines(out, { userId, explanation })) out.line(line);
  });
}

async function runSeries(key: string, options: Options): Promise<void> {
  const { workspace: workspaceId, user: text } = options;
  const at = options.at === undefined ? {} : { at: momentOf(options.at).now };
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspaceId);
    const userId = await findPerson(pool, { workspaceId, text });
    const explanation = await explainSeries(pool, { workspaceId, key, userId, ...at });
    if (options.json) out.line(JSON.stringify(explanation));
    else for (const line of decisionLines(out, explanation)) out.line(line);
  });
}

async function runBroadcast(key: string, options: Options): Promise<void> {
  const { workspace: workspaceId, user: text, run: name } = options;
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspaceId);
    const userId = await findPerson(pool, { workspaceId, text });
    const explanation = await explainBroadcast(pool, workspaceId, key, { userId, run: name });
    if (options.json) out.line(JSON.stringify(explanation));
    else for (const line of broadcastLines(out, explanation)) out.line(line);
  });
}
