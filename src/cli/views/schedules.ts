import type { ListedRun, ListedSchedule, ListedSkip, SilentSeries } from '../../automation/index.js';
import { cut, number, plain } from '../terminal.js';
import type { Printer } from '../terminal.js';

const timeText = (time: Date): string => time.toISOString().slice(0, 16).replace('T', ' ');

/** Each schedule with its coming runs, the last ones and the skipped ones. Times are in UTC. */
export function scheduleLines({ style, width }: Printer, schedules: readonly ListedSchedule[]): string[] {
  if (schedules.length === 0) {
    return [
      'nothing comes about by the clock; a series with the trigger `date` or `schedule` does, and a broadcast that recurs',
    ];
  }
  return schedules.flatMap((schedule) => {
    const { kind, key, state, fault } = schedule;
    const head = `${style('bold', `${kind} ${key}`)}  ${planText(schedule)}${state === 'paused' ? `  ${style('yellow', 'paused')}` : ''}`;
    const lines = [
      ...(fault === null ? [] : [style('red', `cannot be read: ${plain(fault)}`)]),
      nextText(schedule),
      ...schedule.runs.map(runText),
      ...schedule.skipped.map(skipText),
    ];
    return [head, ...lines.map((line) => `  ${cut(line, width - 4)}`)];
  });
}

/** The series that let nobody in for longer than their history explains, whatever their trigger is. */
export function silentLines({ style, width }: Printer, silent: readonly SilentSeries[]): string[] {
  return silent.map(({ key, since }) =>
    style(
      'yellow',
      cut(`series ${key} has let nobody in since ${timeText(since)}: muster report --series ${key}`, width),
    ),
  );
}

function planText({ plan }: ListedSchedule): string {
  const { type, cron, field, offset, at, zone } = plan;
  const [amount, unit] = Array.isArray(offset) ? offset.map(String) : ['0', 'days'];
  const when = type === 'date' ? `${String(field)} ${amount} ${unit ?? ''} at ${String(at)}` : String(cron);
  return plain(typeof zone === 'string' ? `${when} (${zone})` : when);
}

function nextText({ next_runs: runs, next_at: at }: ListedSchedule): string {
  if (runs.length > 0) return `next     ${runs.map(timeText).join(', ')}`;
  return at === null ? 'next     never again' : `next     looked at ${timeText(at)}`;
}

function runText({
  scheduled_for: at,
  state,
  reason,
  people,
  launched,
  last_error: error,
}: ListedRun): string {
  const did = [
    ...(launched === null ? [`${number(people.entered)} entered`] : []),
    ...(launched === null
      ? []
      : [`${number(launched.to_send)} of ${number(launched.matched)} to be sent to`]),
    ...(people.held_out > 0 ? [`${number(people.held_out)} held out`] : []),
    ...Object.entries(people.turned_away).map(
      ([why, count]) => `${number(count)} turned away: ${plain(why)}`,
    ),
    ...(people.put_aside > 0 ? [`${number(people.put_aside)} put aside`] : []),
  ];
  const how = reason === null ? state : `${state}: ${reason}`;
  return `${timeText(at)}  ${how}  ${did.join(', ')}${error === null ? '' : `  ${plain(error)}`}`;
}

function skipText({ first_for: first, last_for: last, runs, reason }: ListedSkip): string {
  const span = runs === 1 ? timeText(first) : `${timeText(first)} to ${timeText(last)}`;
  return `${span}  ${number(runs)} skipped: ${reason}`;
}
