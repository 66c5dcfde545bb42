import { Command } from 'commander';
import { zoneOf } from '../../audience/workspace.js';
import { refuse } from '../../errors/index.js';
import { parseIso } from '../../filter/iso8601.js';
import { listRefusals } from '../../traits/refusals.js';
import { withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { refusalLines } from '../views/refusals.js';

/** `muster refusals`: what was sent and could not be stored. */
export function refusalsCommand(): Command {
  const command = new Command('refusals')
    .description(
      'Lists what was sent and could not be stored, the newest first: traits that were left out of calls of browsers ' +
        "and of Segment's clients, and whole calls that were refused. Kept for 30 days.",
    )
    .option('--user <id>', 'only those of one person, by user_id')
    .option('--visitor <id>', 'only those of one visitor, by anonymous_id')
    .option('--code <code>', 'only those with one code, such as trait_not_time')
    .option('--since <iso>', 'only those from an instant on, in ISO 8601')
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
    .option('--after <next>', 'goes on where a page ended')
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster refusals --workspace acme', 'the last 100 of the workspace acme'],
    ['muster refusals --user user_123', 'why something of one person is missing'],
    ['muster refusals --code trait_not_time --since 2026-01-31 --json', 'for a program'],
  ]);
}

interface Options extends WorkspaceOptions, JsonOptions {
  readonly user?: string;
  readonly visitor?: string;
  readonly code?: string;
  readonly since?: string;
  readonly limit: number;
  readonly after?: string;
}

async function run({ workspace, json, user, visitor, code, since, limit, after }: Options): Promise<void> {
  const from = since === undefined ? undefined : (parseIso(since) ?? refuse('bad_since', { text: since }));
  const which = { code, userId: user, anonymousId: visitor, since: from, limit, after };
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    await zoneOf(pool, workspace);
    const page = await listRefusals(pool, workspace, which);
    if (json) return out.line(JSON.stringify(page));
    for (const line of refusalLines(out, page.refusals)) out.line(line);
    if (page.next !== null) out.line(`\n  more with --after ${page.next}`);
  });
}
