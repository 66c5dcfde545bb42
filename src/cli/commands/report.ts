import { Command } from 'commander';
import { reportAudience } from '../../audience/report.js';
import { zoneOf } from '../../audience/workspace.js';
import { reportBroadcastNow, reportSeries } from '../../automation/index.js';
import { refuse } from '../../errors/index.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { broadcastReportLines } from '../views/broadcast-report.js';
import { reportLines } from '../views/report.js';
import { seriesReportLines } from '../views/series-report.js';

/** `muster report F`: where a filter loses people, and why; `--series KEY`: why people are in a series or not; `--broadcast KEY`: the same of a broadcast's audience. */
export function reportCommand(): Command {
  const command = new Command('report')
    .description(
      'Sends everybody through a filter, clause by clause: how many pass each, why the others fail, which clause empties ' +
        'the audience, and what would let people match. Of a series it says so of its audience, and besides why people ' +
        'did not enter and what happened at each step; of a broadcast, besides how its latest launch goes.',
    )
    .argument('[filter]', 'a preset key, a path to a JSON file, or the filter itself')
    .option('--series <key>', 'a series in the place of a filter')
    .option('--broadcast <key>', 'a broadcast in the place of a filter')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster report admins', 'a preset'],
    [`muster report '{"==": [{"var": "custom:role"}, "owner"]}' --json`, 'inline, for a program'],
    ['muster report --series welcome', 'why people are in a series, or not'],
    ['muster report --broadcast spring', 'why its audience is as small as it is, and how it goes'],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions & { series?: string; broadcast?: string };

async function run(input: string | undefined, options: Options): Promise<void> {
  const { series, broadcast } = options;
  if ([input, series, broadcast].filter((given) => given !== undefined).length !== 1) {
    refuse('bad_usage', { reason: 'give either a filter, --series or --broadcast', command: 'report ' });
  }
  if (series !== undefined) return runSeries(series, options);
  if (broadcast !== undefined) return runBroadcast(broadcast, options);
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

async function runBroadcast(key: string, options: Options): Promise<void> {
  const { workspace: workspaceId } = options;
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const { now, zone } = momentFrom(options, await zoneOf(pool, workspaceId));
    const report = await reportBroadcastNow(pool, workspaceId, key, { now, zone });
    if (options.json) out.line(JSON.stringify(report));
    else for (const line of broadcastReportLines(out, report)) out.line(line);
  });
}
