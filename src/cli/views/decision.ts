import type { SeriesExplanation } from '../../automation/index.js';
import { plain, shown } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { explanationLines } from './explanation.js';
import { storyLines } from './series.js';

const timeText = (time: Date | null): string => time?.toISOString().slice(0, 19).replace('T', ' ') ?? '?';
const words = (text: string): string => text.replaceAll('_', ' ');

/** What a series decided about one person, what it would decide now, and their story. */
export function decisionLines(printer: Printer, explanation: SeriesExplanation): string[] {
  const { style } = printer;
  const { decided, now, user_id: userId } = explanation;
  const lines = [
    `${style('bold', plain(userId))} and ${explanation.series}, up to ${timeText(explanation.at)}`,
    '',
  ];
  if (decided === null) {
    lines.push('  nothing on record: the trigger never came about, or it is more than 30 days ago');
  } else {
    const { kind, name, at } = decided.happening;
    const why = decided.reason === null ? '' : `: ${words(decided.reason)}`;
    lines.push(
      `  ${timeText(at)}  ${name === null ? kind : `${kind} ${plain(name)}`}`,
      `  ${timeText(decided.decided_at)}  ${style('bold', words(decided.decision))}${why} (version ${decided.version})`,
    );
    for (const { sentence, path, reason, seen } of decided.clauses) {
      lines.push(
        `      ${style('yellow', '✗')} ${plain(sentence ?? path)}: ${words(reason)}, seen ${shown(seen)}`,
      );
    }
  }
  const because = now.reason === null ? '' : `: ${words(now.reason)}`;
  lines.push('', `  now  ${style('bold', words(now.decision))}${because} (version ${now.version})`);
  if (now.audience !== null) {
    lines.push(
      ...explanationLines(printer, { userId, explanation: now.audience }).map((line) => `    ${line}`),
    );
  }
  return [...lines, '', ...storyLines(printer, explanation.story)];
}
