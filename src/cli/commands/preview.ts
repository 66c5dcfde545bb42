import { Command } from 'commander';
import { preview } from '../../audience/preview.js';
import { sampleLimit } from '../../audience/preview.js';
import { zoneOf } from '../../audience/workspace.js';
import { askedFilter } from '../filter-input.js';
import { momentFrom, wholeNumber, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { previewLines } from '../views/preview.js';

/** `muster preview F`: how many people a filter matches, condition by condition, and who the first are. */
export function previewCommand(): Command {
  const command = new Command('preview')
    .description(
      'Counts the people a filter matches, counts each condition alone, and shows the first people.',
    )
    .argument('<filter>', 'a preset key, a path to a JSON file, or the filter itself')
    .option('--sample <count>', `people to show, 0 to ${sampleLimit}`, wholeNumber(0, sampleLimit), 10)
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster preview admins', 'a preset'],
    [`muster preview '{"exists": {"var": "email"}}' --sample 3`, 'inline'],
    ['muster preview audience.json --json', 'a file, for a program'],
  ]);
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions & { sample: number };

async function run(input: string, options: Options): Promise<void> {
  const asked = askedFilter(input);
  const { workspace: workspaceId, sample } = options;
  // Fails on a wrong instant or zone before any server is started.
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const filter = await asked.in(pool, workspaceId);
    const found = await preview(pool, { workspaceId, filter, moment, sample });
    if (options.json) out.line(JSON.stringify(found));
    else for (const line of previewLines(out, { title: asked.title, filter, found })) out.line(line);
  });
}
