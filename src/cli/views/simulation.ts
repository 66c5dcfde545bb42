import { DateTime } from 'luxon';
import type { SimulationReport, StepFunnel, SimulatedMove } from '../../automation/simulate.js';
import type { SeriesDefinition } from '../../automation/series/model.js';
import { sentence } from '../../filter/sentence.js';
import { cut, duration, number, people, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

/** A simulation for a person to read: who came in, a funnel for each step, a calendar of sends. */
export function simulationLines(
  { style, width }: Printer,
  { series, report, tookMs }: { series: SeriesDefinition; report: SimulationReport; tookMs: number },
): string[] {
  const lines = [
    style('bold', plain(series.name)),
    `${shownTime(report.from, report.zone)} to ${shownTime(report.to, report.zone)} ${report.zone}`,
    `Who may enter: ${series.audience === null ? 'everybody' : plain(sentence(series.audience))}`,
    '',
    `  ${style(['bold', report.entered === 0 ? 'yellow' : 'green'], people(report.entered))} of ${number(report.people)} enter, ${number(report.sends)} messages  ${style('dim', `${number(report.transitions)} moves in ${duration(tookMs)}`)}`,
  ];
  if (report.why_nobody !== null) lines.push(`  ${plain(report.why_nobody)}`);
  const fates: [string, number][] = [
    ...Object.entries(report.refused).map(([reason, count]): [string, number] => [
      refusals[reason] ?? reason,
      count,
    ]),
    ['held out, never sent anything', report.held_out],
    ['reached the goal', report.reached_goal],
    ['went through to the end', report.completed],
    ...Object.entries(report.exited).map(([reason, count]): [string, number] => [
      exits[reason] ?? reason,
      count,
    ]),
    ['still inside at the end', report.still_inside],
  ];
  const rows = fates.filter(([, count]) => count > 0).map(([what, count]) => [number(count), what]);
  lines.push(...table(rows, [0]).map((line) => `  ${line}`));
  if (report.entered > 0) lines.push('', `  ${style('bold', 'Steps')}`, ...funnelLines(report, width));
  if (report.sends > 0) lines.push('', `  ${style('bold', 'Calendar')}`, ...calendarLines(report, width));
  return lines;
}

const refusals: Readonly<Record<string, string>> = {
  trigger: 'not what the series starts with',
  audience: 'not in the audience',
  suppressed: 'suppressed',
  inside: 'already inside',
  entered_before: 'entered before',
  too_soon: 'entered too short a while ago',
};

const exits: Readonly<Record<string, string>> = {
  exit_filter: 'left by the exit filter',
  exit_step: 'left at an exit step',
  suppressed: 'left, suppressed',
  broken: 'left, the definition is broken',
};

function funnelLines({ steps }: SimulationReport, width: number): string[] {
  const rows = steps.map((step, index) => [
    String(index + 1),
    step.step,
    step.type,
    number(step.arrived),
    detail(step),
  ]);
  return table([['', 'step', 'type', 'arrived', ''], ...rows], [0, 3]).map(
    (line) => `  ${cut(line.trimEnd(), width - 2)}`,
  );
}

function detail(step: StepFunnel): string {
  const parts: [number, string][] = [
    [step.delivered, 'delivered'],
    [step.failed, 'failed'],
    [step.unreachable, 'unreachable'],
    [step.capped, 'capped'],
    [step.deferred, 'deferred'],
    [step.matched, 'matched'],
    [step.timed_out, 'timed out'],
    ...Object.entries(step.arms).map(([arm, count]): [number, string] => [
      count,
      arm === 'otherwise' ? arm : `arm ${arm}`,
    ]),
    [step.left, 'left here'],
    [step.waiting, 'waiting'],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${number(count)} ${what}`)
    .join(', ');
}

const mostDays = 62;

function calendarLines({ calendar }: SimulationReport, width: number): string[] {
  const most = Math.max(...calendar.map(({ sends }) => sends));
  const room = Math.max(10, Math.min(40, width - 60));
  const rows = calendar.slice(0, mostDays).map(({ date, sends, steps }) => [
    `${date} ${DateTime.fromISO(date, { zone: 'utc' }).toFormat('ccc')}`,
    number(sends),
    '█'.repeat(Math.max(1, Math.round((sends / most) * room))).padEnd(room),
    Object.entries(steps)
      .map(([step, count]) => `${step} ${number(count)}`)
      .join(', '),
  ]);
  const lines = table(rows, [1]).map((line) => `  ${cut(line.trimEnd(), width - 2)}`);
  const more = calendar.length - mostDays;
  return more > 0 ? [...lines, `  and ${number(more)} more days; --json has them all`] : lines;
}

/** What happens to one person, line by line. */
export function storyLines(
  { style }: Printer,
  {
    series,
    report,
    story,
  }: { series: SeriesDefinition; report: SimulationReport; story: readonly SimulatedMove[] },
): string[] {
  const rows = story.map(({ at, step, what, detail: more }) => [
    shownTime(new Date(at).toISOString(), report.zone),
    step ?? '',
    plain(what.replaceAll('_', ' ')),
    plain(more ?? ''),
  ]);
  if (rows.length === 0)
    rows.push([
      shownTime(report.from, report.zone),
      '',
      'nothing starts this series for them',
      plain(report.why_nobody ?? ''),
    ]);
  return [style('bold', plain(series.name)), ...table(rows).map((line) => `  ${line.trimEnd()}`)];
}

function shownTime(iso: string, zone: string): string {
  return DateTime.fromISO(iso, { zone }).toFormat('yyyy-MM-dd HH:mm');
}
