import { Command } from 'commander';
import { reportAudience } from '../../audience/report.js';
import { zoneOf } from '../../audience/workspace.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { reportLines } from '../views/report.js';

/** `muster report F`: where a filter loses people, and why. */
export function reportCommand(): Command {
  const command = new Command('report')
    .summary('say why an audience is as small as it is')
    .description(
      'Sends everybody through a filter, clause by clause: how many pass each, why the others fail, which clause empties\n' +
        'the audience, and what would let people match.',
    )
    .argument('<filter>', 'a preset key, a path to a JSON file, or the filter itself')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster report admins', 'a preset'],
    [`muster report '{"==": [{"var": "custom:role"}, "owner"]}' --json`, 'inline, for a program'],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions;

async function run(input: string, options: Options): Promise<void> {
  const asked = askedFilter(input);
  const { workspace: workspaceId } = options;
  // Fails on a wrong instant or zone before any server is started.
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const filter = await asked.in(pool, workspaceId);
    const report = await reportAudience(pool, { workspaceId, filter, moment });
    if (options.json) out.line(JSON.stringify(report));
    else for (const line of reportLines(out, { title: asked.title, filter, report })) out.line(line);
  });
}
