import type { UserRecord } from '../../filter/record.js';
import { compilePredicate } from '../../filter/predicate.js';
import { dateOutlook, minuteText, outlookWords } from '../series/date-outlook.js';
import type { DateOutlook } from '../series/date-outlook.js';
import { dateStandingOf } from '../series/dates.js';
import type { SeriesDefinition } from '../series/model.js';
import { zoneOf } from '../series/triggers.js';
import { zoneOfPerson } from '../facts/zone.js';

import type { SimulationReport } from './report.js';

/** Looks at the dates of those in the audience at the start; null for another trigger than a date. */
export function datesOf(
  { trigger, audience }: SeriesDefinition,
  from: number,
  zone: string,
): { look(person: UserRecord): void; result(): DateOutlook } | null {
  if (trigger.type !== 'date') return null;
  const outlook = dateOutlook(trigger);
  const isIn = audience === null ? () => true : compilePredicate(audience, { now: from, zone });
  return {
    look(person) {
      if (!isIn(person)) return;
      const own = zoneOf(trigger.zone, zoneOfPerson(person, 'timezone', zone), zone);
      // The instant of the start itself lets in.
      const { state, seen, at } = dateStandingOf(trigger, person, own, from - 1);
      outlook.count(state, 1);
      if (state === 'unreadable') outlook.example(seen);
      if (state === 'to_come' && at !== null) outlook.comes(at, 1);
    },
    result: () => outlook.result(),
  };
}

/** Why a series was started for nobody; null where it was, also if all of them were turned away. */
export function whyNobody(
  { trigger }: SeriesDefinition,
  { people, triggered, dates, from, to }: Omit<SimulationReport, 'why_nobody'>,
): string | null {
  if (triggered > 0) return null;
  if (people === 0) return 'there are no people';
  const span = `from ${minuteText(from)} to ${minuteText(to)} UTC`;
  if (dates !== null) return `nobody's date comes ${span}: ${outlookWords(dates)}`;
  if (trigger.type === 'event') {
    return `nobody does \`${trigger.event}\` ${span}; \`events\` in a line of NDJSON say what a person does, and when`;
  }
  if (trigger.type === 'schedule') return `the schedule \`${trigger.cron}\` has no run ${span}`;
  return `the trigger \`${trigger.type}\` does not come ${span}`;
}
