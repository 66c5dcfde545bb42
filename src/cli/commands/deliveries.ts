import { Command, Option } from 'commander';
import { zoneOf } from '../../audience/workspace.js';
import { listParked, resolutions, resolveDeliveries, resolveDelivery } from '../../automation/index.js';
import type { ParkedDelivery, Resolution } from '../../automation/index.js';
import type { Pool } from '../../database/pool.js';
import { withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { number, out } from '../terminal.js';
import { parkedLines } from '../views/deliveries.js';

type Options = WorkspaceOptions & JsonOptions;
type Which = { state?: ParkedDelivery['state']; series?: string; broadcast?: string };

/** `muster deliveries ...`: what series and broadcasts gave up or are unsure of, and what to do about it. */
export function deliveriesCommand(): Command {
  const command = new Command('deliveries').description(
    'Deliveries of series and broadcasts that nobody comes back to by themselves: given up, or unknown, ' +
      'which may have arrived. What is decided is done by `muster worker` or `muster start`.',
  );
  command.addCommand(
    withWhich(part('list', 'Lists them, the oldest first.'))
      .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
      .option('--after <next>', 'goes on where a page ended')
      .action(list),
  );
  command.addCommand(
    withWhich(part('resolve', 'Decides about those that are named, or about all that the options fit.'))
      .argument('[delivery...]', 'ids that `muster deliveries list` shows')
      .option('--channel <name>', 'only those of one channel')
      .addOption(
        new Option('--as <decision>', 'try it again, note that it arrived, or go on without it')
          .choices([...resolutions])
          .makeOptionMandatory(),
      )
      .action(resolve),
  );
  return withExamples(command, [
    ['muster deliveries list --state unknown', 'what may have arrived, of series and broadcasts'],
    ['muster deliveries resolve 4b0e… --as retry', 'with the same idempotency key'],
    ['muster deliveries resolve --broadcast spring-news --state failed --as retry', 'all of one broadcast'],
  ]);
}

/** One of the commands below `deliveries`. */
function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function withWhich(command: Command): Command {
  return command
    .addOption(new Option('--state <state>', 'only those').choices(['unknown', 'failed']))
    .option('--series <key>', 'only those of one series')
    .option('--broadcast <key>', 'only those of one broadcast');
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

async function list(options: Options & Which & { limit: number; after?: string }): Promise<void> {
  const { workspace, state, series, broadcast, limit, after } = options;
  const page = await inside(options, (pool) =>
    listParked(pool, workspace, { state, series, broadcast, limit, after }),
  );
  const more = page.next === null ? [] : ['', `  more with --after ${page.next}`];
  print(options.json, page, [...parkedLines(out, page.deliveries), ...more]);
}

const done = (text: string): string => `${out.style('green', '✓')} ${text}`;

async function resolve(
  ids: readonly string[],
  options: Options & Which & { channel?: string; as: Resolution },
): Promise<void> {
  const { workspace, state, series, broadcast, channel, as, json } = options;
  const [id] = ids;
  if (id !== undefined && ids.length === 1) {
    const one = await inside(options, (pool) => resolveDelivery(pool, workspace, id, as));
    return print(json, one, [done(`resolved as ${one.as}`)]);
  }
  const which = { ...(ids.length > 0 ? { ids } : {}), state, series, broadcast, channel };
  const many = await inside(options, (pool) => resolveDeliveries(pool, workspace, which, as));
  print(json, many, [
    done(
      `${number(many.resolved)} resolved as ${as}${many.more ? '; there are more, ask again for them' : ''}`,
    ),
    ...many.refused.map(({ id: refused, code }) => `${out.style('yellow', '✗')} ${refused}: ${code}`),
  ]);
}
