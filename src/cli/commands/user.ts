import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { findPeople } from '../../audience/find-people.js';
import { zoneOf } from '../../audience/workspace.js';
import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { momentOf } from '../../filter/time.js';
import { listContextEntries } from '../../traits/context.js';
import { eraseUser } from '../../traits/erase.js';
import { exportUser } from '../../traits/export.js';
import { findPerson } from '../../traits/find-person.js';
import { mergeUsers } from '../../traits/merge.js';
import { userView } from '../../traits/profile.js';
import { getUser } from '../../traits/read.js';
import { suppress, unsubscribe } from '../../traits/suppression.js';
import { readTimeline } from '../../traits/timeline.js';
import { askedFilter } from '../filter-input.js';
import { personMeant, withExamples, withJson, withWorkspace, wholeNumber } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { err, out, plain } from '../terminal.js';
import { foundLines, personLines, timelineLines } from '../views/people.js';
import { writeLines } from '../write-lines.js';

type Options = WorkspaceOptions & JsonOptions;
type PageOptions = Options & { limit: number; after?: string };
type YesOptions = Options & { yes?: true };

/** `muster user ...`: one person, named by user_id or e-mail address. */
export function userCommand(): Command {
  const command = new Command('user').description(
    'Finds people, shows what is stored of one and what happened to them, and changes it. WHO is a user_id, or an e-mail address ' +
      'that only one person has.',
  );
  command.addCommand(
    withPage(part('find', 'Lists people by id, e-mail address or name.'))
      .argument('[text]', 'a whole id or address, or words of the id, the address or the name (default: all)')
      .option('--filter <filter>', 'only who matches: JSON, a path to a JSON file, or a preset key')
      .action(find),
  );
  command.addCommand(withWho('show', 'Shows what is stored of a person.').action(show));
  command.addCommand(
    withPage(withWho('timeline', 'Lists what a person did, got and was refused, the newest first.')).action(
      timeline,
    ),
  );
  command.addCommand(
    withWho('export', 'Writes everything that is stored of a person, as NDJSON.')
      .option('--out <file>', 'where it goes (default: standard output)')
      .action(exportLines),
  );
  command.addCommand(withReason(withWho('suppress', 'Sends a person nothing any more.')).action(suppressOne));
  command.addCommand(
    withReason(withWho('unsubscribe', 'Notes that a person wants no more messages.'))
      .option('--topic <topic>', 'about this topic only (default: about all)')
      .action(unsubscribeOne),
  );
  command.addCommand(
    withYes(part('merge', 'Makes two people one. It cannot be undone.'))
      .argument('<survivor>', 'who stays, with both histories')
      .argument('<from>', 'who becomes part of them')
      .action(merge),
  );
  command.addCommand(
    withYes(withWho('erase', 'Erases a person and all that is stored of them. It cannot be undone.'))
      .option('--suppress', 'send them nothing either, should they come back')
      .action(erase),
  );
  return withExamples(command, [
    ['muster user find okafor', 'everybody with that in the id, the address or the name'],
    ['muster user show ann@example.com', 'their traits, by e-mail address'],
    ['muster user timeline user_1106 --limit 20', 'the last 20 things that happened to them'],
    ['muster user export user_1106 --out user_1106.ndjson', 'for somebody who asks for their data'],
    ['muster user unsubscribe user_1106 --topic product-news', 'nothing more about that'],
    ['muster user merge user_1106 user_1107 --yes', 'user_1107 becomes part of user_1106'],
    ['muster user erase user_1106 --suppress --yes', 'gone, and not written to should they come back'],
  ]);
}

function part(name: string, summary: string): Command {
  return withJson(withWorkspace(new Command(name).description(summary)));
}

function withWho(name: string, summary: string): Command {
  return part(name, summary).argument('<who>', personMeant);
}

function withPage(command: Command): Command {
  return command
    .option('--limit <number>', 'how many', wholeNumber(1, 1000), 100)
    .option('--after <next>', 'the `next` of the page before');
}

function withReason(command: Command): Command {
  return command
    .option('--reason <text>', 'why', 'manual')
    .option('--source <text>', 'who says so', 'command line');
}

function withYes(command: Command): Command {
  return command.option('--yes', 'do not ask');
}

/** Runs on a workspace that exists. Errors: `unknown_workspace`. */
async function inside<T>({ workspace }: Options, work: (pool: Pool, zone: string) => Promise<T>): Promise<T> {
  return withServers({ redis: false, schema: 'check' }, async ({ pool }) =>
    work(pool, await zoneOf(pool, workspace)),
  );
}

function print(json: true | undefined, document: object, lines: readonly string[]): void {
  if (json) out.line(JSON.stringify(document));
  else for (const line of lines) out.line(line);
}

function printNext(next: string | null): void {
  if (next !== null) out.line(out.style('dim', `\nmore: --after ${next}`));
}

/** Errors: `bad_usage` where nobody can be asked. */
async function confirm(question: string, { yes, json }: YesOptions, command: string): Promise<boolean> {
  if (yes === true) return true;
  if (json === true || !process.stdin.isTTY)
    return refuse('bad_usage', { reason: 'add --yes: it cannot be undone', command: `${command} ` });
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking
    .question(`${question} It cannot be undone. [y/N] `)
    .finally(() => asking.close());
  const agreed = /^y(?:es)?$/i.test(answer.trim());
  if (!agreed) err.line('nothing was changed');
  return agreed;
}

async function find(
  search: string | undefined,
  { json, workspace: workspaceId, limit, after, filter }: PageOptions & { filter?: string },
): Promise<void> {
  const asked = filter === undefined ? undefined : askedFilter(filter);
  const page = await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentOf(Date.now(), await zoneOf(pool, workspaceId));
    const only = await asked?.in(pool, workspaceId);
    return findPeople(pool, { workspaceId, search, filter: only, moment, limit, after });
  });
  print(json, page, foundLines(page.users));
  if (!json) printNext(page.next);
}

async function show(text: string, options: Options): Promise<void> {
  const { workspace: workspaceId } = options;
  const shownUser = await inside(options, async (pool, zone) => {
    const userId = await findPerson(pool, { workspaceId, text });
    const user = await getUser(pool, { workspaceId, userId });
    if (user === null) return refuse('no_such_user', { user_id: userId, workspace: workspaceId });
    const context = await listContextEntries(pool, { workspaceId, userId });
    return userView(user, { now: Date.now(), zone }, context);
  });
  print(options.json, shownUser, personLines(out, shownUser));
}

async function timeline(text: string, options: PageOptions): Promise<void> {
  const { workspace: workspaceId, limit, after } = options;
  const page = await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId, text });
    return readTimeline(pool, { workspaceId, userId, limit, after });
  });
  print(options.json, page, timelineLines(out, page.timeline));
  if (!options.json) printNext(page.next);
}

async function exportLines(text: string, options: Options & { out?: string }): Promise<void> {
  const { workspace: workspaceId, out: file, json } = options;
  let lines = 0;
  await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId, text });
    await writeLines(exportUser(pool, { workspaceId, userId }), file, () => (lines += 1));
  });
  if (json) err.line(JSON.stringify({ lines, file: file ?? null }));
  else if (file !== undefined) out.line(`${out.style('green', '✓')} ${lines} lines in ${plain(file)}`);
}

type ReasonOptions = Options & { reason: string; source: string };

/** The person has to be there: a wrong id would keep nobody from anything. */
async function suppressOne(text: string, options: ReasonOptions): Promise<void> {
  const { workspace: workspaceId, reason, source } = options;
  const done = await inside(options, async (pool) => {
    const userId = await knownPerson(pool, workspaceId, text);
    return { user_id: userId, ...(await suppress(pool, { workspaceId, userId, reason, source })) };
  });
  const said = done.changed ? 'is sent nothing any more' : 'was suppressed already';
  print(options.json, done, [`${out.style('green', '✓')} ${plain(done.user_id)} ${said}`]);
}

async function unsubscribeOne(text: string, options: ReasonOptions & { topic?: string }): Promise<void> {
  const { workspace: workspaceId, reason, source, topic } = options;
  const done = await inside(options, async (pool) => {
    const userId = await knownPerson(pool, workspaceId, text);
    return { user_id: userId, ...(await unsubscribe(pool, { workspaceId, userId, reason, source, topic })) };
  });
  const about = topic === undefined ? 'all topics' : plain(topic);
  const said = done.changed ? 'is unsubscribed from' : 'was unsubscribed already from';
  print(options.json, done, [`${out.style('green', '✓')} ${plain(done.user_id)} ${said} ${about}`]);
}

async function knownPerson(pool: Pool, workspaceId: string, text: string): Promise<string> {
  const userId = await findPerson(pool, { workspaceId, text });
  if ((await getUser(pool, { workspaceId, userId })) === null)
    refuse('no_such_user', { user_id: userId, workspace: workspaceId });
  return userId;
}

async function merge(survivor: string, gone: string, options: YesOptions): Promise<void> {
  const { workspace: workspaceId, json } = options;
  const question = `Make ${plain(gone)} a part of ${plain(survivor)}?`;
  if (!(await confirm(question, options, 'user merge'))) return;
  const merged = await inside(options, async (pool, zone) => {
    const userId = await findPerson(pool, { workspaceId, text: survivor });
    const from = await findPerson(pool, { workspaceId, text: gone });
    const user = await mergeUsers(pool, { workspaceId, userId, from });
    return { user: userView(user, { now: Date.now(), zone }), merged: from };
  });
  const line = `${plain(merged.merged)} is now part of ${plain(merged.user.user_id ?? '')}`;
  print(json, merged, [`${out.style('green', '✓')} ${line}`]);
}

async function erase(text: string, options: YesOptions & { suppress?: true }): Promise<void> {
  const { workspace: workspaceId, suppress: forGood, json } = options;
  if (!(await confirm(`Erase ${plain(text)} and all that is stored of them?`, options, 'user erase'))) return;
  const done = await inside(options, async (pool) => {
    const userId = await findPerson(pool, { workspaceId, text });
    const { erased } = await eraseUser(pool, { workspaceId, userId, suppress: forGood });
    return { user_id: userId, erased };
  });
  const said = done.erased ? 'is erased' : 'was not there';
  print(json, done, [`${out.style('green', '✓')} ${plain(done.user_id)} ${said}`]);
}
