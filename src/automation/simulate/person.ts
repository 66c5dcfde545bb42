import { reachability, speaksToPerson } from '../channels/properties.js';
import { zoneOfPerson } from '../facts/zone.js';
import { advance } from '../series/advance.js';
import { withTraits } from '../series/advance/set-trait.js';
import type { SeriesDefinition } from '../series/model.js';
import type { Active, Facts, Footprint, Happening, Outcome, SeriesState } from '../series/moves.js';
import { entryInstant, nextScheduled, zoneOf } from '../series/triggers.js';
import type { EventRecord, UserRecord } from '../../filter/record.js';
import { columnInstant, isMissing } from '../../filter/values.js';

/** The span of virtual time, in milliseconds since 1970 (UTC); `to` is not in it any more. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Hears of everything as it happens to one person, in order of virtual time. */
export interface Witness {
  entered(state: SeriesState, now: number): void;
  walked(trail: readonly Footprint[], now: number): void;
  ended(state: SeriesState, now: number): void;
  /** Still inside when the time was over. */
  left(state: Active): void;
  delivered(step: string, channel: string, now: number): void;
}

/** Whether a delivery succeeds; a provider that fails now and then is part of life. */
export type Fate = (person: UserRecord, step: string, visit: number) => Outcome['result'];

interface Run {
  state: Active;
  wakeAt: number;
  listens: boolean;
}

interface Due {
  readonly at: number;
  readonly happening: Happening;
  /** The event that is known from here on; none for other happenings. */
  readonly event: EventRecord | null;
}

/**
 * Lets one person live through the span: everything that starts the series or moves them happens at its virtual time, by
 * the same machine that runs in production.
 */
export function live(
  definition: SeriesDefinition,
  person: UserRecord,
  { span, zone, fate, witness }: { span: Span; zone: string; fate: Fate; witness: Witness },
): void {
  const life = new Life(definition, person, span, zone, fate, witness);
  life.run();
}

class Life {
  readonly #definition: SeriesDefinition;
  readonly #span: Span;
  readonly #zone: string;
  readonly #fate: Fate;
  readonly #witness: Witness;
  readonly #agenda: readonly Due[];
  readonly #contacts: number[] = [];
  readonly #runs: Run[] = [];
  #person: UserRecord;
  #entries = 0;
  #lastEntry: number | null = null;
  /** Up to where the date trigger has been asked; it starts the series once for each instant that it names. */
  #dateFrom: number;
  #date: number | null = null;
  /** As whom the person was when the date was asked for. */
  #dated: UserRecord | null = null;

  constructor(
    definition: SeriesDefinition,
    person: UserRecord,
    span: Span,
    zone: string,
    fate: Fate,
    witness: Witness,
  ) {
    this.#definition = definition;
    this.#span = span;
    this.#zone = zone;
    this.#fate = fate;
    this.#witness = witness;
    const createdAt = isMissing(person.created_at) ? span.from : columnInstant(person.created_at);
    this.#dateFrom = span.from;
    const events = (person.events ?? []).map((event) => ({ event, at: columnInstant(event.occurred_at) }));
    this.#person = {
      ...person,
      created_at: new Date(createdAt),
      // Identify made them, and whoever is made is seen.
      last_seen: isMissing(person.last_seen) ? new Date(createdAt) : person.last_seen,
      events: events.filter(({ at }) => at < span.from).map(({ event }) => event),
    };
    this.#agenda = [
      ...events.flatMap(({ event, at }) =>
        isIn(span, at) ? [{ at, event, happening: happeningOf(event) }] : [],
      ),
      ...triggersOf(definition, createdAt, span, zone),
    ].toSorted((a, b) => a.at - b.at);
  }

  run(): void {
    let next = 0;
    for (;;) {
      const due = this.#agenda[next];
      const run = this.#firstRun();
      const date = this.#nextDate();
      const wakeAt = run?.wakeAt ?? Infinity;
      const at = Math.min(due?.at ?? Infinity, date ?? Infinity);
      // What happens at the same instant as a wake-up is known when it wakes.
      if (at <= wakeAt) {
        if (at >= this.#span.to) break;
        if (due?.at === at) {
          next += 1;
          this.#happen(due);
        } else {
          this.#dateFrom = at + 1;
          this.#enter({ kind: 'date', name: null, properties: {} }, at);
        }
      } else if (run !== undefined && wakeAt < this.#span.to) {
        this.#move(run, run.state, null, wakeAt);
      } else break;
    }
    for (const run of this.#runs) this.#witness.left(run.state);
  }

  /** The instant that a date trigger names, asked anew when the person changed: being seen puts off a win-back. */
  #nextDate(): number | null {
    const { trigger } = this.#definition;
    if (trigger.type !== 'date') return null;
    if (this.#dated !== this.#person) {
      const zone = zoneOf(trigger.zone, zoneOfPerson(this.#person, 'timezone', this.#zone), this.#zone);
      this.#date = entryInstant(trigger, this.#person, zone);
      this.#dated = this.#person;
    }
    return this.#date !== null && this.#date >= this.#dateFrom ? this.#date : null;
  }

  #firstRun(): Run | undefined {
    let first: Run | undefined;
    for (const run of this.#runs) if (first === undefined || run.wakeAt < first.wakeAt) first = run;
    return first;
  }

  #happen({ at, happening, event }: Due): void {
    if (event !== null) {
      const seen = Math.max(columnInstant(this.#person.last_seen), at);
      const events = [...(this.#person.events ?? []), event];
      this.#person = { ...this.#person, events, last_seen: new Date(seen) };
      for (const run of this.#runs) if (run.listens) run.wakeAt = Math.min(run.wakeAt, at);
    }
    if (happening.kind === this.#definition.trigger.type) this.#enter(happening, at);
  }

  #enter(happening: Happening, now: number): void {
    const answer = advance(this.#definition, { status: 'entering' }, this.#facts(happening, null), now);
    this.#witness.entered(answer.state, now);
    const { status } = answer.state;
    if (status === 'refused') return;
    this.#entries += 1;
    this.#lastEntry = now;
    if (status === 'held_out') return;
    const run: Run = {
      state: { status: 'active', step: '', visit: 0, since: now },
      wakeAt: now,
      listens: false,
    };
    this.#runs.push(run);
    this.#settle(run, answer, now);
  }

  #move(run: Run, state: Active, outcome: Outcome | null, now: number): void {
    this.#settle(run, advance(this.#definition, state, this.#facts(null, outcome), now), now);
  }

  #settle(run: Run, answer: ReturnType<typeof advance>, now: number): void {
    const { state, effects, trail, wakeAt } = answer;
    this.#witness.walked(trail, now);
    for (const effect of effects) {
      if (effect.kind !== 'set_trait') continue;
      this.#person = { ...withTraits(this.#person, effect.traits), updated_at: new Date(now) };
    }
    if (state.status !== 'active' || wakeAt === null) {
      this.#runs.splice(this.#runs.indexOf(run), 1);
      this.#witness.ended(state, now);
      return;
    }
    run.state = state;
    run.listens = answer.listens;
    const effect = effects.at(-1);
    if (effect === undefined || effect.kind === 'set_trait') {
      if (wakeAt <= now) throw new Error('the machine asked to be woken at an instant that is over');
      run.wakeAt = wakeAt;
      return;
    }
    const { step, visit } = effect;
    const unreachable = effect.kind === 'send' ? reachability(effect.channel, this.#person) : null;
    if (unreachable !== null) {
      this.#move(run, state, { step, visit, result: 'unreachable', detail: unreachable }, now);
      return;
    }
    const result = this.#fate(this.#person, step, visit);
    if (result === 'delivered') {
      if (effect.kind === 'send' && speaksToPerson(effect.channel)) {
        this.#contacts.push(now);
        this.#person = { ...this.#person, last_contacted_at: new Date(now) };
      }
      this.#witness.delivered(step, effect.kind === 'send' ? effect.channel : 'webhook', now);
    }
    this.#move(run, state, { step, visit, result }, now);
  }

  #facts(happening: Happening | null, outcome: Outcome | null): Facts {
    return {
      person: this.#person,
      zone: zoneOfPerson(this.#person, 'timezone', this.#zone),
      workspaceZone: this.#zone,
      suppressed: false,
      happening,
      entries: { count: this.#entries, inside: this.#runs.length > 0, lastAt: this.#lastEntry },
      contacts: this.#contacts,
      outcome,
    };
  }
}

/** When the series is started for this person, as far as that is known beforehand; events and dates come by themselves. */
function triggersOf({ trigger }: SeriesDefinition, createdAt: number, span: Span, zone: string): Due[] {
  if (trigger.type === 'user_created') {
    return [dueAt(isIn(span, createdAt) ? createdAt : span.from, 'user_created')];
  }
  // What a segment holds is not known here: everybody changes sides once, at the start.
  if (trigger.type === 'segment_entered' || trigger.type === 'segment_left') {
    return [dueAt(span.from, trigger.type, trigger.segment)];
  }
  if (trigger.type !== 'schedule') return [];
  const found: Due[] = [];
  let at = nextScheduled(trigger, span.from - 1, zone);
  while (at !== null && at < span.to) {
    found.push(dueAt(at, 'schedule'));
    at = nextScheduled(trigger, at, zone);
  }
  return found;
}

function dueAt(at: number, kind: Happening['kind'], name: string | null = null): Due {
  return { at, event: null, happening: { kind, name, properties: {} } };
}

function happeningOf({ event, properties }: EventRecord): Happening {
  return { kind: 'event', name: event, properties: properties ?? {} };
}

function isIn({ from, to }: Span, at: number): boolean {
  return at >= from && at < to;
}
