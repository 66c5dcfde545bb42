import type { AudienceReport } from '../../audience/report.js';
import type { Failure } from '../../filter/explain/reason.js';
import type { FunnelClause } from '../../filter/funnel.js';
import { sentence } from '../../filter/sentence.js';
import type { Filter } from '../../filter/tree.js';
import { duration, number, people, plain, shown, table } from '../terminal.js';
import { findingLines } from './findings.js';
import type { Printer } from '../terminal.js';

const failureWords: Readonly<Record<Failure, string>> = {
  missing: 'missing',
  type_mismatch: 'other type',
  case_mismatch: 'other letter case',
  unparsable_time: 'no ISO 8601 time',
  outside_window: 'outside the window',
  different: 'another value',
};

/** Where an audience loses people, for a person to read. */
export function reportLines(
  printer: Printer,
  { title, filter, report }: { title: string | null; filter: Filter; report: AudienceReport },
): string[] {
  const lines = title === null ? [] : [printer.style('bold', plain(title))];
  return [...lines, plain(sentence(filter)), ...funnelLines(printer, report)];
}

/** The numbers of a report, without what it is about. */
export function funnelLines(printer: Printer, report: AudienceReport): string[] {
  const { style } = printer;
  const { matched, total, funnel, emptied_by: emptied, warnings } = report;
  const lines: string[] = [];
  const count = style(['bold', matched === 0 ? 'yellow' : 'green'], number(matched));
  const verb = matched === 1 ? 'matches' : 'match';
  lines.push('', `  ${count} of ${people(total)} ${verb}  ${style('dim', duration(report.took_ms))}`);
  lines.push('', `  ${style('dim', 'left     alone')}`);
  const rows = funnel.map((clause) => [
    number(clause.passed_so_far),
    number(clause.passed_alone),
    clauseText(clause) + (clause.path === emptied ? style('yellow', '   ← nobody is left here') : ''),
  ]);
  const aligned = table(rows, [0, 1]);
  funnel.forEach((clause, index) => {
    lines.push(`  ${aligned[index] ?? ''}`);
    const why = whyText(clause);
    if (why !== '') lines.push(`       ${style('dim', why)}`);
  });
  for (const { field, values, exact } of report.values) {
    const listed = values.slice(0, 5).map(({ value, people: having }) => `${shown(value)} ${number(having)}`);
    const among = exact ? '' : ' among the first 10,000';
    lines.push('', `  ${style('bold', plain(field))}${among}: ${listed.join(', ')}`);
  }
  if (report.suggestions.length > 0) lines.push('', `  ${style('bold', 'What would help')}`);
  for (const { text, gain, exact } of report.suggestions) {
    const gained = gain === null || gain === 0 ? '' : ` (${exact ? '' : 'up to '}${number(gain)} more)`;
    lines.push(`  - ${plain(text)}${style('green', gained)}`);
  }
  if (warnings.length > 0) lines.push('', `  ${style('bold', 'Probably not meant')}`);
  for (const line of findingLines(printer, warnings)) lines.push(`  ${line}`);
  return lines;
}

function clauseText({ depth, negated, sentence: words }: FunnelClause): string {
  return `${'  '.repeat(depth)}${negated ? 'not: ' : ''}${plain(words)}`;
}

function whyText({ failed }: FunnelClause): string {
  const counted = Object.entries(failureWords).flatMap(([reason, words]) => {
    const count = isFailure(reason) ? failed[reason] : 0;
    return count === 0 ? [] : [`${number(count)} ${words}`];
  });
  return counted.join(', ');
}

function isFailure(reason: string): reason is Failure {
  return Object.hasOwn(failureWords, reason);
}
