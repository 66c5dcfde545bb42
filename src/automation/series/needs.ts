import { leavesWithin } from '../../filter/tree.js';
import type { Filter, Leaf, Window } from '../../filter/tree.js';
import { fieldNamed, nameOf } from '../../filter/fields.js';
import { templateFields } from '../templates.js';
import type { FrequencyCap, Length, MessageTemplate, SeriesDefinition, Step } from './model.js';

/** What a series needs to be told about a person, found in its definition. */

/** Events of one name that `facts.person.events` must hold. */
export interface EventNeed {
  readonly event: string;
  /** How far back: since the person entered, the length of time up to now (in the workspace's zone), or all. */
  readonly since: 'entry' | 'ever' | Window;
}

/** Which events the filters and waits of a series ask about; each need once, none that another one covers wholly. */
export function eventsAskedFor(definition: SeriesDefinition): EventNeed[] {
  const found = new Map<string, EventNeed>();
  const add = (need: EventNeed): void => {
    const { event, since } = need;
    found.set(JSON.stringify([event, typeof since === 'string' ? since : [since.amount, since.unit]]), need);
  };
  for (const leaf of leavesIn(definition)) {
    if (leaf.kind === 'did') add({ event: leaf.event, since: leaf.within ?? 'ever' });
  }
  for (const step of definition.steps) {
    if (step.type === 'wait_for' && step.condition.kind === 'event') {
      add({ event: step.condition.event, since: 'entry' });
    }
  }
  const needs = [...found.values()];
  const whole = new Set(needs.filter(({ since }) => since === 'ever').map(({ event }) => event));
  return needs.filter(({ event, since }) => since === 'ever' || !whole.has(event));
}

const days: Readonly<Record<Length['unit'], number>> = {
  minutes: 1 / 1440,
  hours: 1 / 24,
  days: 1,
  weeks: 7,
  months: 31,
};

/** The longest of the lengths over which messages are counted, as far as `facts.contacts` must go back; null without caps. */
export function longestCap(definition: Pick<SeriesDefinition, 'frequencyCaps'>): Length | null {
  return definition.frequencyCaps.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0]?.per ?? null;
}

function sizeOf({ per }: FrequencyCap): number {
  return per.amount * days[per.unit];
}

/** The `var` names of every field that the series reads, in filters, templates and its trigger; sorted, each once. */
export function readsOf(definition: SeriesDefinition): string[] {
  const names = new Set<string>();
  for (const leaf of leavesIn(definition)) {
    if ('subject' in leaf) names.add(nameOf(leaf.subject.field));
    if ('field' in leaf) names.add(nameOf(leaf.field));
  }
  for (const text of definition.steps.flatMap(templatesOf)) {
    // A name that the catalogue does not know is a key of the custom fields, as in the template itself.
    for (const name of templateFields(text)) names.add(fieldNamed(name) === null ? `custom:${name}` : name);
  }
  if (definition.trigger.type === 'date') names.add(nameOf(definition.trigger.field));
  return [...names].toSorted();
}

function templatesOf(step: Step): string[] {
  if (step.type === 'send') return messageTemplates(step.message);
  return step.type === 'webhook' ? textsIn(step.payload) : [];
}

/** The texts of a message that are there. */
export function messageTemplates({ title, text, html }: MessageTemplate): string[] {
  return [title, text, html ?? null].filter((each) => each !== null);
}

/** Every text of a JSON value, keys apart. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function leavesIn(definition: SeriesDefinition): Leaf[] {
  return filtersIn(definition).flatMap((filter) => leavesWithin(filter));
}

/** Every filter that is asked about the person; the conditions on an event's properties are none. */
function filtersIn({ audience, exit, goal, steps }: SeriesDefinition): Filter[] {
  const asked = steps.flatMap((step) => {
    if (step.type === 'branch') return step.arms.map(({ when }) => when);
    return step.type === 'wait_for' && step.condition.kind === 'filter' ? [step.condition.filter] : [];
  });
  return [audience, exit, goal, ...asked].filter((filter) => filter !== null);
}
