import type { ClauseExplanation, Explanation, JsonValue } from '../../filter/explain.js';
import { plain, shown } from '../terminal.js';
import type { Printer } from '../terminal.js';

const because: Readonly<Record<string, string>> = {
  matched: '',
  missing: 'there is no value',
  type_mismatch: 'the value is of another type',
  case_mismatch: 'the letters differ in upper and lower case only',
  unparsable_time: 'the value is not an ISO 8601 time',
  outside_window: 'the time lies outside',
  different: 'the value is another',
};

/** Why one person matches or does not, for a person to read. */
export function explanationLines(
  { style }: Printer,
  { userId, explanation }: { userId: string; explanation: Explanation },
): string[] {
  const { matched, clauses } = explanation;
  const verdict = matched ? style(['green', 'bold'], 'matches') : style(['yellow', 'bold'], 'does not match');
  const lines = [`${style('bold', plain(userId))} ${verdict}`, `  ${plain(explanation.sentence)}`];
  if (explanation.changes_at !== null)
    lines.push(`  ${style('dim', turns(matched, explanation.changes_at))}`);
  return [...lines, '', ...clauses.flatMap((clause) => clauseLines({ style }, clause))];
}

const turns = (matched: boolean, at: string): string =>
  matched ? `matches until ${at} if nothing else changes` : `will match at ${at} if nothing else changes`;

/** One condition: its sentence, what was seen and wanted, why it fails, and when it turns by itself. */
export function clauseLines({ style }: Pick<Printer, 'style'>, clause: ClauseExplanation): string[] {
  const wanted = clause.verdict !== clause.negated;
  const mark = wanted ? style('green', '✓') : style('yellow', '✗');
  const lines = [`  ${mark} ${clause.negated ? 'not: ' : ''}${plain(clause.sentence)}`];
  const { segment } = clause;
  if (segment !== undefined) {
    lines.push(`      ${style('dim', segment.matched ? 'in it' : 'not in it')}: ${plain(segment.sentence)}`);
    lines.push(
      ...segment.clauses.flatMap((each) => clauseLines({ style }, each)).map((line) => `    ${line}`),
    );
    return lines;
  }
  const why = because[clause.reason] ?? '';
  lines.push(
    `      ${style('dim', 'seen')} ${valueText(clause.seen)}   ${style('dim', 'wanted')} ${valueText(clause.wanted)}`,
  );
  if (!clause.verdict) lines.push(`      ${style('yellow', clause.reason)}${why === '' ? '' : `: ${why}`}`);
  if (clause.changes_at !== null)
    lines.push(`      ${style('dim', `changes by itself at ${clause.changes_at}`)}`);
  return lines;
}

/** A value seen or wanted; a wanted time is shown as the instant it comes to, which the sentence does not tell. */
function valueText(value: JsonValue): string {
  if (value === null) return 'nothing';
  if (isList(value)) return value.map(valueText).join(', ');
  if (typeof value === 'object') {
    const { at } = value;
    if (typeof at === 'string' && 'written' in value) return plain(at);
    if ('from' in value && 'to' in value) {
      return `${valueText(value['from'] ?? null)} to ${valueText(value['to'] ?? null)}`;
    }
  }
  return shown(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
