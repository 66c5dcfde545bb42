import type { SeriesReport } from '../../automation/index.js';
import { number, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';
import { funnelLines } from './report.js';

/** Why people are in a series or not, for a person to read. */
export function seriesReportLines(printer: Printer, report: SeriesReport): string[] {
  const { style } = printer;
  const { series, version, state, trigger, audience } = report;
  const lines = [`${style('bold', series)} is ${state}, version ${version}, and begins with ${trigger}`];
  lines.push('', `  ${style('bold', 'Its audience')}`);
  lines.push(...(audience === null ? ['  everybody may enter'] : funnelLines(printer, audience)));
  lines.push('', `  ${style('bold', 'Those in it, and why they entered or did not')}`);
  if (report.people.length === 0) lines.push('  nobody');
  for (const { text } of report.people) lines.push(`  - ${plain(text)}`);
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
