import type { PersonEvaluation } from '../../audience/rules/person.js';
import type { RuleSummary, RuleView } from '../../audience/rules/views.js';
import { plain, shown, table } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { clauseLines } from './explanation.js';

/** The rules of a workspace. */
export function rulesLines({ style }: Printer, rules: readonly RuleSummary[]): string[] {
  return table(
    rules.map(({ key, decides, version, source, title }) => [
      style('bold', plain(key)),
      decides,
      source === 'example' ? 'example' : `version ${version}`,
      plain(title),
    ]),
  );
}

/** One rule in words, branch by branch. */
export function ruleLines({ style }: Printer, { key, title, lines }: RuleView): string[] {
  const told = lines.map(({ depth, condition, outcome }) => {
    const when = condition === null ? 'otherwise' : `if ${plain(condition)}`;
    const then = outcome === null ? ':' : ` ${style('dim', '→')} ${style('bold', plain(outcome))}`;
    return `  ${'  '.repeat(depth)}${when}${then}`;
  });
  return [`${style('bold', plain(key))}  ${plain(title)}`, '', ...told];
}

/** What a rule came to for one person, and by which way. */
export function evaluationLines(
  { style }: Printer,
  { userId, title, evaluation }: { userId: string; title: string; evaluation: PersonEvaluation },
): string[] {
  const { value, sentence, conditions, fallbacks, progress } = evaluation;
  const lines = [
    `${style('bold', plain(userId))} ${style('dim', '→')} ${style(['green', 'bold'], shown(value))}`,
    `  ${plain(title)}`,
    `  ${plain(sentence)}`,
  ];
  for (const fallback of fallbacks) lines.push(`  ${style('yellow', plain(fallback.sentence))}`);
  for (const { path, sentence: words, verdict, clauses } of conditions) {
    const mark = verdict ? style('green', 'holds') : style('yellow', 'does not hold');
    lines.push('', `  ${style('dim', path)} ${mark}: ${plain(words)}`);
    for (const clause of clauses) lines.push(...clauseLines({ style }, clause).map((line) => `  ${line}`));
  }
  if (progress !== undefined) {
    lines.push('', `  ${progress.done} of ${progress.of} done`);
    for (const { title: item, done } of progress.items)
      lines.push(`  ${done ? style('green', '✓') : style('dim', '·')} ${plain(item)}`);
  }
  return lines;
}
