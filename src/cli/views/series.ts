import type { ListedEnrollment, SavedSeries, Story, StoryEntry } from '../../automation/index.js';
import { cut, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

const timeText = (time: Date | null): string => time?.toISOString().slice(0, 19).replace('T', ' ') ?? '-';
export const personText = (each: { user_id: string | null; anonymous_id: string | null }): string =>
  each.user_id === null ? `visitor ${plain(each.anonymous_id ?? '')}` : plain(each.user_id);

/** A table with a dim head, each line cut to the width. */
export function tableLines({ style, width }: Printer, rows: readonly (readonly string[])[]): string[] {
  const [head = '', ...rest] = table(rows).map((line) => cut(line, width - 2));
  return [style('dim', head), ...rest];
}

/** What series there are. */
export function seriesLines(printer: Printer, series: readonly SavedSeries[]): string[] {
  if (series.length === 0) return ['no series yet; muster series save FILE makes one'];
  const rows = series.map(({ key, state, version, definition, updated_at: changed, name }) => [
    key,
    state,
    String(version),
    triggerText(definition['trigger']),
    timeText(changed),
    plain(name),
  ]);
  return tableLines(printer, [
    ['series', 'state', 'version', 'begins with', 'changed (UTC)', 'name'],
    ...rows,
  ]);
}

function triggerText(trigger: unknown): string {
  return typeof trigger === 'object' && trigger !== null && 'type' in trigger
    ? plain(String(trigger.type))
    : '';
}

/** Who is or was inside. */
export function enrollmentLines(printer: Printer, found: readonly ListedEnrollment[]): string[] {
  if (found.length === 0) return ['nobody'];
  const rows = found.map((each) => [
    personText(each),
    each.reason === null ? each.state : `${each.state}: ${plain(each.reason)}`,
    String(each.version),
    each.step ?? '-',
    timeText(each.due_at),
    timeText(each.entered_at),
  ]);
  return tableLines(printer, [
    ['person', 'state', 'version', 'step', 'goes on by (UTC)', 'entered (UTC)'],
    ...rows,
  ]);
}

/** One person's story, entry by entry, in the order in which it happened. */
export function storyLines(printer: Printer, story: Story): string[] {
  const { style } = printer;
  const lines = [`${style('bold', plain(story.user_id))} in ${story.series}`];
  if (story.suppressed) lines.push(style('yellow', '  nothing may be sent to them now'));
  if (story.entries.length === 0) lines.push('  never entered');
  for (const entry of story.entries) lines.push('', ...entryLines(printer, entry));
  if (story.refusals.length > 0) {
    lines.push('', '  turned away');
    for (const { at, happening, reason, version } of story.refusals)
      lines.push(`    ${timeText(at)}  ${happening}: ${style('yellow', reason)} (version ${version})`);
  }
  return lines;
}

function entryLines({ style }: Printer, entry: StoryEntry): string[] {
  const { kind, name, at } = entry.happening;
  const what = name === null ? kind : `${kind} ${plain(name)}`;
  const lines = [
    `  ${style('bold', entry.state)}${entry.reason === null ? '' : `: ${plain(entry.reason)}`} (version ${entry.version})`,
    `    ${timeText(at)}  ${what}`,
    `    ${timeText(entry.entered_at)}  entered`,
  ];
  const events = [
    ...entry.trail.map((step) => ({
      at: step.at,
      text: `${step.step} ${step.what}${step.detail === null ? '' : ` ${plain(step.detail)}`}`,
    })),
    ...entry.deliveries.map((each) => ({
      at: each.delivered_at ?? each.created_at,
      text: `${each.step} ${each.kind} by ${each.channel}: ${each.state}, attempt ${each.attempts}${
        each.error === null ? '' : `: ${plain(each.error)}`
      }`,
    })),
  ].toSorted((one, other) => one.at.getTime() - other.at.getTime());
  for (const event of events) lines.push(`    ${timeText(event.at)}  ${event.text}`);
  if (entry.finished_at !== null) lines.push(`    ${timeText(entry.finished_at)}  ${entry.state}`);
  const { next } = entry;
  if (next !== null) {
    const waits = next.listening ? ', or when something changes' : '';
    const error = next.error === null ? '' : `: ${plain(next.error)}`;
    lines.push(
      `    ${timeText(next.due_at)}  ${style('dim', `next: ${next.step} (${next.state}${waits})${error}`)}`,
    );
  }
  return lines;
}
