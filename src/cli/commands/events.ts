import { Command } from 'commander';
import { zoneOf } from '../../audience/workspace.js';
import { listEvents } from '../../traits/catalogue/events.js';
import { withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { number, out, plain, table } from '../terminal.js';

/** `muster events`: which events arrived, how many, and with what properties. */
export function eventsCommand(): Command {
  const command = new Command('events')
    .description(
      'Lists the names of the events that are kept: how many there are (counted up to 10,000), when the last one happened, and ' +
        'the properties of the last 100.',
    )
    .option('--prefix <text>', 'only events whose names begin with it')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
    .option('--after <next>', 'the `next` of the page before')
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster events', 'of the workspace sample'],
    ['muster events --prefix order --json', 'of those that begin alike, for a program'],
  ]);
}

type Options = WorkspaceOptions & JsonOptions & { limit: number; after?: string; prefix?: string };

async function run({ workspace: workspaceId, json, limit, after, prefix }: Options): Promise<void> {
  const page = await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspaceId);
    return listEvents(pool, { workspaceId, prefix, limit, after });
  });
  if (json) return out.line(JSON.stringify(page));
  if (page.events.length === 0) return out.line('no events');
  const rows = page.events.map(({ event, count, count_exact: exact, last_seen: last, properties }) => [
    plain(event),
    exact ? number(count) : `more than ${number(count)}`,
    last.toISOString(),
    plain(properties.join(' ')),
  ]);
  for (const line of table([['event', 'kept', 'last one', 'properties'], ...rows], [1])) out.line(line);
  if (page.next !== null) out.line(out.style('dim', `\nmore: --after ${plain(page.next)}`));
}
