import { Command } from 'commander';
import { listSchedules, listSilentSeries } from '../../automation/index.js';
import { withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { scheduleLines, silentLines } from '../views/schedules.js';

/** `muster schedules`: what comes about by the clock, when next, and what the last runs did. */
export function schedulesCommand(): Command {
  const command = new Command('schedules')
    .description(
      'Lists the schedules of a workspace: when each runs next, what its last runs did, which runs were skipped and why, and which ' +
        'series let nobody in for longer than their history explains.',
    )
    .option('--runs <number>', 'runs of each schedule to show', wholeNumber(0, 100), 5)
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster schedules', 'of the workspace sample'],
    ['muster schedules --runs 30 --workspace acme --json', 'for a program'],
  ]);
}

type Options = WorkspaceOptions & JsonOptions & { runs: number };

async function run({ workspace, json, runs }: Options): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const schedules = await listSchedules(pool, workspace, { runs });
    const silent = await listSilentSeries(pool, workspace);
    if (json) out.line(JSON.stringify({ schedules, silent_series: silent }));
    else for (const line of [...scheduleLines(out, schedules), ...silentLines(out, silent)]) out.line(line);
  });
}
