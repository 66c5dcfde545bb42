import type { FoundPerson } from '../../audience/find-people.js';
import type { UserView } from '../../traits/profile.js';
import type { TimelineEntry } from '../../traits/timeline.js';
import { cut, plain, shown, table } from '../terminal.js';
import type { Printer } from '../terminal.js';

export function foundLines(people: readonly FoundPerson[]): string[] {
  if (people.length === 0) return ['nobody was found'];
  return table(
    people.map(({ user_id: id, anonymous_id: visitor, name, email }) => [
      plain(id ?? `visitor ${visitor ?? ''}`),
      plain(email ?? '-'),
      plain(name ?? '-'),
    ]),
  );
}

/** What is stored of a person. */
export function personLines({ style }: Printer, user: UserView): string[] {
  const [, ...traits] = user.profile.split('\n');
  const seen = [
    ['company', user.company_id === null ? null : plain(user.company_id)],
    ['first seen', user.first_seen],
    ['last seen', user.last_seen],
    ['last contacted', user.last_contacted_at],
    ['created', user.created_at],
  ].flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name ?? '', value]]));
  const context = (user.context ?? []).map(({ key, value }) => [plain(key), shown(value)]);
  return [
    style('bold', plain(user.user_id ?? '')),
    ...table(seen).map((line) => `  ${line}`),
    '',
    ...traits.map((line) => `  ${plain(line)}`),
    ...(context.length === 0 ? [] : ['', '  context', ...table(context).map((line) => `    ${line}`)]),
  ];
}

export function timelineLines({ style, width }: Printer, entries: readonly TimelineEntry[]): string[] {
  if (entries.length === 0) return ['nothing happened'];
  return entries.map(({ at, kind, data }) => {
    const [what, ...details] = detailsOf(data);
    const line = `${at}  ${kind.replaceAll('_', ' ').padEnd(16)}  ${what ?? ''}`;
    const rest = details.length === 0 ? '' : `  ${details.join('  ')}`;
    const kept = cut(`${line}${rest}`, width);
    return kept.startsWith(line) ? line + style('dim', kept.slice(line.length)) : kept;
  });
}

/** What it was about by itself, and then what else is known of it. */
function detailsOf(data: TimelineEntry['data']): string[] {
  return Object.entries(data)
    .filter(([, value]) => value !== null && shown(value) !== '{}')
    .toSorted(([one], [other]) => placeOf(one) - placeOf(other))
    .map(([name, value], index) => {
      const text = typeof value === 'string' ? plain(value) : shown(value);
      return index === 0 && subjects.includes(name) ? text : `${name}=${text}`;
    });
}

const subjects = ['event', 'series', 'broadcast', 'segment', 'feedback', 'topic', 'code'];
const placeOf = (name: string): number =>
  subjects.includes(name) ? subjects.indexOf(name) : subjects.length;
