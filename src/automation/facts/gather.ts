import type { Client, Pool } from '../../database/pool.js';
import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import type { EventRecord } from '../../filter/record.js';
import { instantOf, momentOf } from '../../filter/time.js';
import { shown } from '../../filter/parse/context.js';
import type { Length, SeriesDefinition } from '../series/model.js';
import { eventsAskedFor, longestCap } from '../series/needs.js';
import type { EventNeed } from '../series/needs.js';
import { readContacts } from './contacts.js';
import { readEvents } from './events.js';

/** A person about whom a series wants to know more than their row says. */
export interface Subject {
  readonly workspace: string;
  readonly endUser: string;
  readonly definition: SeriesDefinition;
  /** Milliseconds since 1970 (UTC). */
  readonly now: number;
  /** When the person entered; now where they are about to. */
  readonly enteredAt: number;
  readonly zone: string;
  readonly workspaceZone: string;
  /** Their own delivery of this step, which is no contact before it. */
  readonly delivery: string | null;
}

export interface Gathered {
  readonly events: readonly EventRecord[];
  readonly contacts: readonly number[];
  /** Set where the facts cannot be had, and with them no decision. */
  readonly fault: Problem | null;
}

interface Needs {
  readonly events: readonly EventNeed[];
  readonly cap: Length | null;
}

const known = new WeakMap<SeriesDefinition, Needs>();

function needsOf(definition: SeriesDefinition): Needs {
  let needs = known.get(definition);
  if (needs === undefined) {
    needs = { events: eventsAskedFor(definition), cap: longestCap(definition) };
    known.set(definition, needs);
  }
  return needs;
}

/**
 * The events and contacts that each subject's definition asks about, in the order of the subjects. Two statements for all
 * of them, and none where no definition asks.
 */
export async function gather(db: Client | Pool, subjects: readonly Subject[]): Promise<Gathered[]> {
  const events = subjects.flatMap((subject, place) =>
    needsOf(subject.definition).events.map((need) => ({
      place,
      workspace: subject.workspace,
      endUser: subject.endUser,
      event: need.event,
      since: sinceOf(need, subject),
    })),
  );
  const contacts = subjects.flatMap((subject, place) => {
    const { cap } = needsOf(subject.definition);
    if (cap === null) return [];
    const { workspace, endUser, delivery, now, zone } = subject;
    // Whichever zone the lengths are counted in, a day more covers it.
    const since = instantOf({ kind: 'ago', ...cap }, momentOf(now, zone)) - 86_400_000;
    return [{ place, workspace, endUser, since, except: delivery }];
  });
  if (events.length === 0 && contacts.length === 0) return subjects.map(() => nothing);

  const found = subjects.map(
    (): { events: EventRecord[]; contacts: readonly number[]; fault: Problem | null } => ({
      events: [],
      contacts: [],
      fault: null,
    }),
  );
  const lists = await readEvents(db, events);
  for (const [index, { place, event }] of events.entries()) {
    const subject = found[place];
    const list = lists[index];
    if (subject === undefined) continue;
    if (list === null || list === undefined) {
      subject.fault = problem('too_many_events', { event: shown(event), limit: 10_000 });
    } else {
      subject.events.push(...list);
    }
  }
  const times = await readContacts(db, contacts);
  for (const [index, { place }] of contacts.entries()) {
    const subject = found[place];
    if (subject !== undefined) subject.contacts = times[index] ?? [];
  }
  return found;
}

const nothing: Gathered = { events: [], contacts: [], fault: null };

function sinceOf({ since }: EventNeed, { enteredAt, now, workspaceZone }: Subject): number | null {
  if (since === 'ever') return null;
  if (since === 'entry') return enteredAt;
  return instantOf({ kind: 'ago', ...since }, momentOf(now, workspaceZone));
}
