import type { Known } from '../../audience/advice/known.js';
import { lintEvent, lintKnown } from '../../audience/lint/known.js';
import { lintTimeField } from '../../audience/lint/traits.js';
import { lintFilter } from '../../filter/lint.js';
import type { Finding } from '../../filter/lint.js';
import { literalsOf } from '../../filter/lint/clauses.js';
import { possible } from '../../filter/lint/possible.js';
import type { Moment } from '../../filter/time.js';
import { sentence } from '../../filter/sentence.js';
import { leavesOf, leavesWithin } from '../../filter/tree.js';
import type { Did, Filter, Leaf } from '../../filter/tree.js';
import { outlookWords } from './date-outlook.js';
import type { DateOutlook } from './date-outlook.js';
import type { SeriesDefinition } from './model.js';

/** Every filter of a series, with its place in the document. */
export function filtersIn({ audience, exit, goal, trigger, steps }: SeriesDefinition): [string, Filter][] {
  const found: [string, Filter | null][] = [
    ['/audience', audience],
    ['/exit', exit],
    ['/goal', goal],
    ['/trigger/where', trigger.type === 'event' ? trigger.where : null],
  ];
  steps.forEach((step, index) => {
    const path = `/steps/${index}`;
    if (step.type === 'branch') {
      step.arms.forEach((arm, each) => found.push([`${path}/arms/${each}/when`, arm.when]));
    }
    if (step.type !== 'wait_for') return;
    const { condition } = step;
    if (condition.kind === 'filter') found.push([`${path}/filter`, condition.filter]);
    else found.push([`${path}/where`, condition.where]);
  });
  return found.flatMap(([path, filter]) => (filter === null ? [] : [[path, filter]]));
}

/** What a series waits for or begins with, with its place in the document. */
function eventsIn({ trigger, steps }: SeriesDefinition): [string, Pick<Did, 'event' | 'where'>][] {
  const awaited = steps.flatMap((step, index): [string, Pick<Did, 'event' | 'where'>][] =>
    step.type === 'wait_for' && step.condition.kind === 'event' ? [[`/steps/${index}`, step.condition]] : [],
  );
  return trigger.type === 'event' ? [['/trigger', trigger], ...awaited] : awaited;
}

/**
 * What about a series is probably not meant: what `lintFilter` finds in each of its filters, arms of a branch that nobody can
 * take, and where it is known what is sent, what nobody sends.
 */
export function lintSeries(
  definition: SeriesDefinition,
  moment: Moment,
  known: Known | null = null,
): Finding[] {
  const found = filtersIn(definition).flatMap(([path, filter]) =>
    [...lintFilter(filter, moment), ...(known === null ? [] : lintKnown(filter, known))].map((finding) => ({
      ...finding,
      path: path + finding.path,
    })),
  );
  const { trigger } = definition;
  const dated =
    trigger.type === 'date' && known !== null
      ? lintTimeField(trigger.field, dateFieldPath, known.traits)
      : [];
  const events =
    known === null
      ? []
      : eventsIn(definition).flatMap(([path, each]) =>
          lintEvent(each, known, { event: `${path}/event`, where: `${path}/where` }),
        );
  return [
    ...dated,
    ...todayOfWorkspace(definition),
    ...found,
    ...events,
    ...armsNotTaken(definition, moment),
  ];
}

const dateFieldPath = '/trigger/field';

/** What the dates that people have now let the series do: start for nobody, or miss some because their value is no time. */
export function lintDates(outlook: DateOutlook): Finding[] {
  const { to_come: toCome, unreadable, people } = outlook;
  // An empty audience is no fault of the field; the report tells why it is empty.
  if (people === 0 || (toCome > 0 && unreadable === 0)) return [];
  return [
    {
      code: toCome === 0 ? 'date_never_comes' : 'date_unreadable',
      severity: 'warning',
      path: dateFieldPath,
      message: outlookWords(outlook),
      hint:
        unreadable > 0
          ? 'send dates as ISO 8601 text, as 2026-12-31 or 2026-12-31T09:00:00Z; other texts let nobody in'
          : 'send the date on identify, or backfill it; what is past lets nobody in',
    },
  ];
}

/** A day of the person's own zone beside today in the workspace's: for some people the two are never one. */
function todayOfWorkspace({ trigger, audience }: SeriesDefinition): Finding[] {
  if (trigger.type !== 'date' || trigger.zone !== 'person' || audience === null) return [];
  const asks = leavesOf(audience).filter(({ leaf }) => leavesWithin(leaf).some(asksAboutToday));
  return asks.map(({ leaf }) => ({
    code: 'today_of_workspace',
    severity: 'warning',
    path: `/audience${leaf.path}`,
    message: `the trigger goes by the zone of each person, and "${sentence(leaf)}" by that of the workspace: where the two are on different dates, nobody enters`,
    hint: 'leave it out and let `offset` of the trigger say the day, or set `zone` of the trigger to "workspace"',
  }));
}

function asksAboutToday(leaf: Leaf): boolean {
  return literalsOf(leaf).some(
    (literal) => literal.type === 'time' && literal.value.kind === 'start_of' && literal.value.unit === 'day',
  );
}

/** An arm behind one that everybody takes; the arms are tried in order. */
function armsNotTaken({ steps }: SeriesDefinition, moment: Moment): Finding[] {
  return steps.flatMap((step, index) => {
    if (step.type !== 'branch') return [];
    const taken = step.arms.findIndex(({ when }) => possible(when, moment, true) === null);
    if (taken < 0) return [];
    return step.arms.slice(taken + 1).map((_, each): Finding => {
      const arm = taken + 1 + each;
      return {
        code: 'unreachable_arm',
        severity: 'error',
        path: `/steps/${index}/arms/${arm}`,
        message: `nobody comes to this arm: everybody takes arm ${taken} before it`,
        hint: 'arms are tried in order; put the narrower one first',
      };
    });
  });
}
