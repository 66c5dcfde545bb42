import type { Preview } from '../../audience/preview.js';
import { sentence } from '../../filter/sentence.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter } from '../../filter/tree.js';
import { cut, duration, number, people, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** A preview for a person to read: the count, each condition's count, the first people. */
export function previewLines(
  printer: Printer,
  { title, filter, found }: { title: string | null; filter: Filter; found: Preview },
): string[] {
  const { style, width } = printer;
  const lines: string[] = [];
  if (title !== null) lines.push(style('bold', plain(title)));
  lines.push(plain(sentence(filter)));
  const verb = found.count === 1 ? 'matches' : 'match';
  lines.push(
    '',
    `  ${style(['bold', found.count === 0 ? 'yellow' : 'green'], people(found.count))} ${verb}  ${style('dim', `exact, ${duration(found.took_ms)}`)}`,
  );
  if (found.count === 0)
    lines.push(
      '',
      `  ${style('dim', '`muster report` with the same filter says where people are lost, and why')}`,
    );
  if (found.clauses.length > 1) {
    const negated = leavesOf(filter).map((each) => each.negated);
    lines.push('', `  ${style('bold', 'Each condition alone')}`);
    const rows = found.clauses.map((clause, index) => [
      number(clause.count),
      plain(clause.sentence) + (negated[index] === true ? '   (the filter takes those who do not)' : ''),
    ]);
    lines.push(...table(rows, [0]).map((line) => `  ${line}`));
  }
  if (found.sample.length > 0) {
    const more =
      found.count > found.sample.length ? `the first ${number(found.sample.length)}` : 'all of them';
    lines.push('', `  ${style('bold', 'Who')}  ${style('dim', more)}`);
    const rows = found.sample.map(({ user_id, name, email }) => [
      plain(user_id ?? '(anonymous)'),
      plain(name ?? '-'),
      plain(email ?? '-'),
    ]);
    lines.push(...table(rows).map((line) => `  ${cut(line, width - 2)}`));
  }
  return lines;
}
