import { Command } from 'commander';
import { reportAudience } from '../../audience/report.js';
import { zoneOf } from '../../audience/workspace.js';
import { reportSeries } from '../../automation/index.js';
import { refuse } from '../../errors/index.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { reportLines } from '../views/report.js';
import { seriesReportLines } from '../views/series-report.js';

/** `muster report F`: where a filter loses people, and why; `--series KEY`: why people are in a series or not. */
export function reportCommand(): Command {
  const command = new Command('report')
    .summary('say why an audience is as small as it is')
    .description(
      'Sends everybody through a filter, clause by clause: how many pass each, why the others fail, which clause empties\n' +
        'the audience, and what would let people match. Of a series it says so of its audience, and besides why people\n' +
        'did not enter and what happened at each step.',
    )
    .argument('[filter]', 'a preset key, a path to a JSON file, or the filter itself')
    .option('--series <key>', 'a series in the place of a filter')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster report admins', 'a preset'],
    [`muster report '{"==": [{"var": "custom:role"}, "owner"]}' --json`, 'inline, for a program'],
    ['muster report --series welcome', 'why people are in a series, or not'],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions & { series?: string };

async function run(input: string | undefined, options: Options): Promise<void> {
  const { series } = options;
  if ((input === undefined) === (series === undefined)) {
    refuse('bad_usage', { reason: 'give either a filter or --series', command: 'report ' });
  }
  if (series !== undefined) return runSeries(series, options);
  const asked = askedFilter(input ?? '');
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

async function runSeries(key: string, options: Options): Promise<void> {
  const { workspace: workspaceId } = options;
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const { now, zone } = momentFrom(options, await zoneOf(pool, workspaceId));
    const report = await reportSeries(pool, { workspaceId, key, now, zone });
    if (options.json) out.line(JSON.stringify(report));
    else for (const line of seriesReportLines(out, report)) out.line(line);
  });
}
