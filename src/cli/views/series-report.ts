import type { SeriesReport } from '../../automation/index.js';
import { minuteText, outlookWords } from '../../automation/series/date-outlook.js';
import type { DateOutlook } from '../../automation/series/date-outlook.js';
import { silenceWords } from '../../automation/series/silence.js';
import { number, people as countedPeople, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { funnelLines } from './report.js';

/** Why people are in a series or not, for a person to read. */
export function seriesReportLines(printer: Printer, report: SeriesReport): string[] {
  const { style } = printer;
  const { series, version, state, trigger, audience } = report;
  const lines = [`${style('bold', series)} is ${state}, version ${version}, and begins with ${trigger}`];
  if (report.silence !== null) lines.push(style('yellow', `  ${silenceWords(report.silence)}`));
  lines.push('', `  ${style('bold', 'Its audience')}`);
  lines.push(...(audience === null ? ['  everybody may enter'] : funnelLines(printer, audience)));
  lines.push('', `  ${style('bold', 'Those in it, and why they entered or did not')}`);
  if (report.people.length === 0) lines.push('  nobody');
  for (const { text } of report.people) lines.push(`  - ${plain(text)}`);
  if (report.dates !== null) lines.push('', ...dateLines(printer, report.dates));
  if (report.turned_away.length > 0) {
    lines.push('', `  ${style('bold', 'Turned away in the last 30 days')}`);
    const rows = report.turned_away.map(({ reason, people, last_at: at }) => [
      number(people),
      reason.replaceAll('_', ' '),
      `last ${at.toISOString().slice(0, 16).replace('T', ' ')}`,
    ]);
    lines.push(...table(rows, [0]).map((line) => `  ${line}`));
  }
  lines.push('', `  ${style('bold', 'Step by step')}`);
  const rows = report.steps.map(({ step, type, here, happened }) => [
    step,
    type ?? 'of an earlier version',
    `${number(here)} here`,
    Object.entries(happened)
      .map(([what, count]) => `${number(count)} ${what.replaceAll('_', ' ')}`)
      .join(', '),
  ]);
  lines.push(...table(rows).map((line) => `  ${line.trimEnd()}`));
  return lines;
}

/** What the dates in the field hold, and when they let people in next. */
function dateLines({ style }: Printer, dates: DateOutlook): string[] {
  return [
    `  ${style('bold', 'Its dates')}`,
    `  ${plain(outlookWords(dates))}`,
    ...dates.next.map(({ at, people: count }) => `  - ${minuteText(at)} UTC: ${countedPeople(count)}`),
  ];
}
