import type { SeriesDiff } from '../../automation/index.js';
import { number, plain } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { movedText } from './segments.js';

/** Whom saving a series with another definition would concern, those who would be messaged first. */
export function seriesDiffLines({ style }: Printer, diff: SeriesDiff): string[] {
  const { key, version, audience, joins, leaves, inside, taken_up: takenUp, if_moved: moving } = diff;
  const lines = [
    `${style('bold', plain(key))} would be version ${number(version)}, with ${number(audience.after)} in its audience`,
    ...enteringLines(diff),
    `  ${style('green', '+')} ${movedText('join', joins)}`,
    `  ${style('yellow', '-')} ${movedText('leave', leaves)}`,
    `  ${number(inside)} inside keep their version`,
  ];
  if (takenUp > 0) lines.push(`  ${number(takenUp)} whose trigger failed before would be looked at again`);
  if (inside === 0) return lines;
  lines.push(`  if they were moved to it (muster series move ${plain(key)}):`);
  for (const { step, count } of moving.steps_gone)
    lines.push(`    nobody could be: ${number(count)} stand at ${plain(step)}, which it has no more`);
  lines.push(
    `    ${movedText('complete it by its goal', moving.goal)}`,
    `    ${movedText('leave by its exit', moving.exit)}`,
  );
  return lines;
}

function enteringLines({ would_enter: entering, would_message: messaged, ...diff }: SeriesDiff): string[] {
  const { state, trigger, next_run: next } = diff;
  if (entering === null || messaged === null)
    return ["  whom a date lets in is each person's own day, and is not counted here"];
  if (state === 'paused') return ['  nobody enters while it is paused'];
  if (trigger !== 'schedule') return [`  nobody enters by the edit: it begins with ${plain(trigger)}`];
  const apart = [
    ...(entering.held_out > 0 ? [`${number(entering.held_out)} held out`] : []),
    ...(entering.over_at_once > 0 ? [`${number(entering.over_at_once)} over at once`] : []),
  ];
  const when = next === null ? 'never' : `${next.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return [
    `  ${number(messaged)} would be messaged`,
    `  ${movedText('enter', entering)}${apart.length === 0 ? '' : ` (${apart.join(', ')})`}; next run ${when}`,
  ];
}
