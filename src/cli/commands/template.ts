import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { zoneOf } from '../../audience/workspace.js';
import {
  checkTemplate,
  installationEmail,
  parseTemplate,
  previewTemplate,
  publicUrlOf,
} from '../../automation/index.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { findPerson } from '../../traits/find-person.js';
import { readUserRecord } from '../../traits/read.js';
import { askedFilter, reasonOf } from '../filter-input.js';
import { momentFrom, withExamples, withJson, withMoment, withUser, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { checkLines, messageLines } from '../views/template.js';

/** `muster template ...`: what a message lacks for an audience, and how one person would get it. */
export function templateCommand(): Command {
  const command = new Command('template').description(
    'A message with merge tags, as it stands in a step: {"title": ..., "text": ..., "html": ...}.',
  );
  command.addCommand(
    part('check', 'Counts who lacks what its tags read. Exit code 1 where it must not be launched so.')
      .option('--channel <name>', 'the channel it is for')
      .option(
        '--audience <filter>',
        'a preset key, a path to a JSON file, or the filter itself; everybody when left out',
      )
      .action(check),
  );
  command.addCommand(
    withUser(part('preview', 'Shows it as one person would get it.'))
      .option('--channel <name>', 'the channel it is for', 'email')
      .action(preview),
  );
  return withExamples(command, [
    [
      `muster template check '{"text": "You joined {{ signed_up_at }}."}' --audience admins`,
      'who reads a gap',
    ],
    ['muster template preview message.json --user user_1106', 'as that person gets it by e-mail'],
  ]);
}

function part(name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .argument('<template>', 'a path to a JSON file, or the JSON itself');
  return withJson(withMoment(withWorkspace(command), "the workspace's"));
}

type Options = MomentOptions & WorkspaceOptions & JsonOptions;

async function check(
  input: string,
  options: Options & { channel?: string; audience?: string },
): Promise<void> {
  const template = parseTemplate(readTemplate(input), options.channel ?? null);
  const asked = askedFilter(options.audience ?? '{"everyone": true}');
  momentFrom(options, 'UTC');
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const { workspace: workspaceId } = options;
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const filter = await asked.in(pool, workspaceId);
    const found = await checkTemplate(pool, { workspaceId, template, filter, moment });
    if (found.refusals.length > 0) process.exitCode = 1;
    if (options.json) out.line(JSON.stringify(found));
    else for (const line of checkLines(out, found)) out.line(line);
  });
}

async function preview(input: string, options: Options & { channel: string; user: string }): Promise<void> {
  const { channel, user: text, workspace: workspaceId } = options;
  const template = parseTemplate(readTemplate(input), channel);
  momentFrom(options, 'UTC');
  const email = installationEmail(process.env);
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const userId = await findPerson(pool, { workspaceId, text });
    const user = await readUserRecord(pool, { workspaceId, userId });
    if (user === null) refuse('no_such_user', { user_id: shown(userId), workspace: workspaceId });
    const publicUrl = await publicUrlOf(pool, workspaceId, email);
    const moment = momentFrom(options, await zoneOf(pool, workspaceId));
    const found = previewTemplate(template, { channel, user, moment, publicUrl });
    if (options.json) out.line(JSON.stringify(found));
    else for (const line of messageLines(out, found)) out.line(line);
  });
}

/** Errors: `template_unreadable`. */
function readTemplate(input: string): unknown {
  const isInline = /^\s*\{/.test(input);
  const file = isInline ? 'the argument' : input;
  try {
    return JSON.parse(isInline ? input : readFileSync(input, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? reasonOf(error) : String(error);
    return refuse('template_unreadable', { file, reason }, { cause: error });
  }
}
