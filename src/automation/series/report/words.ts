import { nameOf } from '../../../filter/fields.js';
import type { SeriesDefinition } from '../model.js';
import type { Standing } from './standings.js';

/** What is said about the people at a place, and what to do about it. */
export function standingWords(
  why: Standing,
  people: number,
  definition: SeriesDefinition,
  state: string,
): string {
  const count = people.toLocaleString('en-US');
  const ended = state === 'archived' ? archived[why] : undefined;
  if (ended !== undefined) return `${count} ${ended(definition)}.`;
  // Only an active series takes people by hand.
  const hand =
    state === 'active' && letInByHand.has(why) ? '; let them in by hand with `muster series enroll`' : '';
  const remedy = state === 'archived' ? '' : (remedies[why] ?? '');
  return `${count} ${words[why](definition)}${remedy}${hand}.`;
}

type Words = (definition: SeriesDefinition) => string;

const words: Readonly<Record<Standing, Words>> = {
  inside: () => 'are inside',
  completed: () => 'went through it',
  exited: () => 'left it on the way',
  held_out: ({ holdout }) => `are held out (${holdout} % are): counted, and never sent anything`,
  suppressed: () => 'are suppressed or unsubscribed: nothing may be sent to them',
  refused_trigger: () => 'were turned away by the condition of the trigger',
  refused_audience: () =>
    'were not in the audience when it came about, and are now: the audience is asked once, at the entrance',
  refused_suppressed: () => 'were suppressed when it came about',
  refused_inside: () => 'were inside already',
  refused_entered_before: () => 'had entered before, and the entry is `once`',
  refused_too_soon: () => 'had entered too short a time before',
  refused_paused: () => 'came while the series was paused',
  refused_too_late: () => 'came about when nobody looked in time',
  not_identified: () => 'are visitors: `user_created` comes with their first identify',
  imported: () =>
    'were made by import or backfill, which fire no `user_created` unless asked (`muster import --fire-triggers`)',
  before_the_series: () => 'were created before the series was saved',
  while_paused: () => 'were created before the series took people (`active_since`)',
  never_did: ({ trigger }) => `never did \`${trigger.type === 'event' ? trigger.event : ''}\``,
  did_before: ({ trigger }) =>
    `did \`${trigger.type === 'event' ? trigger.event : ''}\` before the series was saved, and not since`,
  date_missing: ({ trigger }) => `have no ${dateField(trigger)}, so no date lets them in`,
  date_unreadable: ({ trigger }) => `have a ${dateField(trigger)} that is no ISO 8601 time`,
  date_past: ({ trigger }) =>
    `have a ${dateField(trigger)} whose time to enter was past when the series was saved, or is more than a day past`,
  date_to_come: ({ trigger }) => `are still to enter, by their ${dateField(trigger)}`,
  not_triggered: ({ trigger }) =>
    `have no record of the trigger (\`${trigger.type}\`): it has not come about for them, is still to be looked at, or was turned away more than 30 days ago`,
};

const letInByHand: ReadonlySet<Standing> = new Set(['imported', 'before_the_series', 'date_past']);

const remedies: Readonly<Partial<Record<Standing, string>>> = {
  date_missing: ': send it on identify, or backfill it',
  date_unreadable: ' (as 2026-12-31): send it again in that form',
};

// Nobody enters an archived series or goes on in it; who waited leaves at the next step that is due.
const archived: Readonly<Partial<Record<Standing, Words>>> = {
  inside: () => 'were inside when it was archived: nothing more is sent to them',
  not_identified: () => 'are visitors, who had not been identified when it was archived',
  date_to_come: ({ trigger }) => `have a ${dateField(trigger)} that is still to come, and enter no more`,
  not_triggered: ({ trigger }) =>
    `have no record of the trigger (\`${trigger.type}\`): it did not come about for them, or was turned away more than 30 days ago`,
};

function dateField(trigger: SeriesDefinition['trigger']): string {
  return trigger.type === 'date' ? `\`${nameOf(trigger.field)}\`` : 'date';
}
