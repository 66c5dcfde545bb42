import { Command } from 'commander';
import { pageOf } from '../../audience/rules/page.js';
import { evaluateRuleForUser } from '../../audience/rules/person.js';
import type { Rule } from '../../audience/rules/model.js';
import { parseRule } from '../../audience/rules/parse.js';
import { getRule, listRules, parseRuleIn } from '../../audience/rules/store.js';
import type { WorkspaceRule } from '../../audience/rules/store.js';
import { ruleSummary, ruleView } from '../../audience/rules/views.js';
import { zoneOf } from '../../audience/workspace.js';
import { refuse } from '../../errors/index.js';
import { segmentsIn } from '../../filter/named-in.js';
import { findPerson } from '../../traits/find-person.js';
import { momentFrom, personMeant, withExamples, withJson, withMoment, withWorkspace } from '../options.js';
import type { JsonOptions, MomentOptions, WorkspaceOptions } from '../options.js';
import { readRuleDocument } from '../rule-input.js';
import { withServers } from '../servers.js';
import { out } from '../terminal.js';
import { evaluationLines, ruleLines, rulesLines } from '../views/rules.js';

/** `muster rules [KEY] --user ID`: what is decided about a person, and by which branch. */
export function rulesCommand(): Command {
  const command = new Command('rules')
    .description(
      'Without a key lists the rules of the workspace: its own, and those that ship with Muster. With a key tells the rule in words; ' +
        'with --user what it comes to for this person, by which branch, and what every condition asked has seen.',
    )
    .argument('[rule]', 'the key of a rule, a path to a JSON file, or the rule itself')
    .option('--user <who>', personMeant)
    .option('--url <url>', 'the address of the page, for rules that ask about one')
    .option('--language <tag>', 'the language of whoever looks at the page, such as de-AT')
    .action(run);
  return withExamples(withJson(withMoment(withWorkspace(command), "the workspace's")), [
    ['muster rules', 'all of them'],
    ['muster rules slack-mode --user user_1001', 'how somebody is served on Slack, and why'],
    [
      'muster rules ./rules/onboarding/tooltip-export.json --user user_1001 --url https://app.example/reports/1',
      'a rule of a file',
    ],
  ]);
}

type Options = MomentOptions &
  WorkspaceOptions &
  JsonOptions & { user?: string; url?: string; language?: string };

async function run(input: string | undefined, options: Options): Promise<void> {
  // Whatever can be refused without a server is refused before one is started.
  momentFrom(options, 'UTC');
  const { url, language, user, workspace } = options;
  const page = url === undefined ? undefined : pageOf({ url, language });
  if (input === undefined && user !== undefined)
    refuse('bad_usage', { reason: 'which rule is to be asked about the person?', command: 'rules ' });
  const document = input === undefined ? null : readRuleDocument(input);
  // What names no segment is read without a workspace.
  const written = document === null || segmentsIn(document).length > 0 ? null : parseRule(document);
  if (written !== null && user === undefined) {
    show(unsaved(written), options);
    return;
  }
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const moment = momentFrom(options, await zoneOf(pool, workspace));
    if (input === undefined) {
      list(await listRules(pool, workspace), options);
      return;
    }
    const found =
      document === null
        ? await getRule(pool, workspace, input)
        : unsaved(written ?? (await parseRuleIn(pool, workspace, document)));
    if (user === undefined) {
      show(found, options);
      return;
    }
    const { rule } = found;
    const userId = await findPerson(pool, { workspaceId: workspace, text: user });
    const asked = { workspaceId: workspace, userId, page, moment };
    const evaluation = await evaluateRuleForUser(pool, rule, asked);
    print(options, evaluation, () => evaluationLines(out, { userId, title: rule.title, evaluation }));
  });
}

function unsaved(rule: Rule): WorkspaceRule {
  return { rule, source: 'workspace', updated_at: null };
}

function list(rules: readonly WorkspaceRule[], options: Options): void {
  const summaries = rules.map(ruleSummary);
  print(options, { rules: summaries }, () => rulesLines(out, summaries));
}

function show(rule: WorkspaceRule, options: Options): void {
  const view = ruleView(rule);
  print(options, view, () => ruleLines(out, view));
}

function print({ json }: Options, document: object, lines: () => readonly string[]): void {
  if (json) out.line(JSON.stringify(document));
  else for (const line of lines()) out.line(line);
}
