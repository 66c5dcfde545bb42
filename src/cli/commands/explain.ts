import { Command } from 'commander';
import { explainUser } from '../../audience/explain.js';
import { zoneOf } from '../../audience/workspace.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { explanationLines } from '../views/explanation.js';

/** `muster explain F --user ID`: why one person matches or does not. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .summary('say why one person matches or does not')
    .description(
      'Says for one person whether they match, and for every condition what was seen and what was wanted.',
    )
    .argument('<filter>', 'a preset key, a path to a JSON file, or the filter itself')
    .requiredOption('--user <id>', "the person's user_id")
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster explain admins --user u-1001', 'a preset'],
    [
      `muster explain '{"==": [{"var": "custom:role"}, "admin"]}' --user u-1001 --json`,
      'inline, for a program',
    ],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions & { user: string };

async function run(input: string, options: Options): Promise<void> {
  const asked = askedFilter(input);
  const { workspace: workspaceId, user: userId } = options;
  // Fails on a wrong instant or zone before any server is started.
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const filter = await asked.in(pool, workspaceId);
    const explanation = await explainUser(pool, { workspaceId, filter, userId, moment });
    if (options.json) out.line(JSON.stringify(explanation));
    else for (const line of explanationLines(out, { userId, explanation })) out.line(line);
  });
}
