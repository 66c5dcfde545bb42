import type { DecidedNow, SeriesExplanation, TriggerNow } from '../../automation/index.js';
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
    lines.push('  nothing on record: the trigger never came, or it came more than 30 days ago');
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
  lines.push('', `  now  ${nowText(printer, now)} (version ${now.version})`);
  const { trigger } = now;
  if (trigger.field !== null) {
    lines.push(`    ${plain(trigger.field)}: ${dateText(trigger)}`);
  }
  if (now.audience !== null) {
    lines.push(
      ...explanationLines(printer, { userId, explanation: now.audience }).map((line) => `    ${line}`),
    );
  }
  return [...lines, '', ...storyLines(printer, explanation.story)];
}

/** What would be decided: at once where the trigger can come at any moment, later where it is still to come. */
function nowText({ style }: Printer, { decision, reason, trigger }: DecidedNow): string {
  if (decision === 'will_enter') {
    const instant = trigger.at?.getTime() ?? 0;
    return style(
      'bold',
      instant <= Date.now() ? 'enters at the next look' : `will enter at ${timeText(trigger.at)} UTC`,
    );
  }
  const said = style('bold', words(decision));
  if (decision !== 'refused') return `if \`${trigger.type}\` came: ${said}`;
  return reason === 'trigger' ? `${said}: ${triggerText(trigger)}` : `${said}: ${words(reason ?? '')}`;
}

function triggerText({ type, state }: TriggerNow): string {
  if (state === 'missing') return 'they have no date';
  if (state === 'unreadable') return 'their date is no time';
  if (state === 'past') return 'the time of their date is past';
  return `\`${type}\` came before and does not come again`;
}

function dateText({ state, seen, at }: TriggerNow): string {
  if (state === 'missing') return 'seen nothing';
  if (state === 'unreadable') return `seen ${shown(seen)}, which is no ISO 8601 time (as 2026-12-31)`;
  const verb = state === 'past' ? 'was its time to enter, which is past' : 'is its time to enter';
  return `seen ${shown(seen)}; ${timeText(at)} UTC ${verb}`;
}
