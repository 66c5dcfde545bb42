import type { Moved, SegmentDiff } from '../../audience/segments/diff.js';
import type { Members } from '../../audience/segments/members.js';
import type { SavedSegment } from '../../audience/segments/store.js';
import { cut, number, plain, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

const timeText = (time: Date | null): string => time?.toISOString().slice(0, 19).replace('T', ' ') ?? '-';

/** A table with a dim head, each line cut to the width. */
function tableLines({ style, width }: Printer, rows: readonly (readonly string[])[]): string[] {
  const [head = '', ...rest] = table(rows).map((line) => cut(line, width - 2));
  return [style('dim', head), ...rest];
}

/** How a segment is kept, in a few words. */
export function segmentLine({ tracked, state, reason, version }: SavedSegment): string {
  const kept = tracked ? `tracked, ${state}` : 'computed when asked';
  return `version ${version}, ${kept}${reason === null ? '' : `: ${plain(reason)}`}`;
}

export function segmentLines(printer: Printer, segments: readonly SavedSegment[]): string[] {
  if (segments.length === 0) return ['no segments yet; muster segments save KEY FILTER makes one'];
  const rows = segments.map((segment) => [
    segment.key,
    segment.tracked ? segment.state : 'on demand',
    String(segment.version),
    timeText(segment.updated_at),
    plain(segment.sentence),
  ]);
  return tableLines(printer, [['segment', 'state', 'version', 'changed (UTC)', 'who'], ...rows]);
}

export function memberLines(printer: Printer, { count, stored, members }: Members): string[] {
  const head = `${number(count)} ${count === 1 ? 'person' : 'people'}, ${stored ? 'as stored' : 'computed now'}`;
  if (members.length === 0) return [head];
  const rows = members.map((each) => [
    each.user_id === null ? 'a visitor' : plain(each.user_id),
    timeText(each.entered_at),
    plain(each.name ?? ''),
    plain(each.email ?? ''),
  ]);
  return [head, '', ...tableLines(printer, [['user', 'entered (UTC)', 'name', 'email'], ...rows])];
}

/** Who would join, who would leave, and whom series would take. */
export function diffLines({ style }: Printer, diff: SegmentDiff): string[] {
  const lines = [
    `${style('bold', plain(diff.key))} would have ${number(diff.members)} members`,
    `  ${style('green', '+')} ${movedText('join', diff.joins)}`,
    `  ${style('yellow', '-')} ${movedText('leave', diff.leaves)}`,
  ];
  for (const { key, joins, leaves } of diff.around)
    lines.push(`  and in ${plain(key)}: ${number(joins)} would join, ${number(leaves)} would leave`);
  for (const { key, people, segment, on } of diff.series) {
    const what = on === 'segment_entered' ? 'entering' : 'leaving';
    lines.push(`  series ${plain(key)} would take ${number(people)} for ${what} ${plain(segment)}`);
  }
  return [...lines, `  ${number(diff.messaged)} people would be messaged`];
}

/** How many would, and the first of them by name. */
export function movedText(verb: string, { count, sample }: Moved): string {
  const names = sample.map((person) => plain(person.user_id ?? 'a visitor'));
  const more = count - names.length;
  const shown =
    names.length === 0 ? '' : `: ${names.join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
  return `${number(count)} would ${verb}${shown}`;
}
