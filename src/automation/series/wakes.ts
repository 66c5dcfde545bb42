import { changedKey } from '../../filter/dependencies.js';
import type { Field } from '../../filter/fields.js';
import { leavesWithin } from '../../filter/tree.js';
import type { Filter, Leaf, Segment } from '../../filter/tree.js';
import type { SeriesDefinition } from './model.js';

/** Which happenings can move somebody who waits in a series. */
export interface Wakes {
  /** Changed fields, as the outbox names them. */
  readonly fields: ReadonlySet<string>;
  /** Events, by name. */
  readonly events: ReadonlySet<string>;
  /** Whether it asks about something that moves whatever happens, such as `last_seen`. */
  readonly always: boolean;
}

const known = new WeakMap<SeriesDefinition, Wakes>();

/**
 * Read off the filters that are asked while somebody waits: goal, exit and every `wait_for`. What a branch asks is asked
 * when it is reached.
 */
export function wakesOf(definition: SeriesDefinition): Wakes {
  let wakes = known.get(definition);
  if (wakes === undefined) {
    wakes = find(definition);
    known.set(definition, wakes);
  }
  return wakes;
}

function find({ exit, goal, steps }: SeriesDefinition): Wakes {
  const fields = new Set<string>();
  const events = new Set<string>();
  let always = false;
  const asked: (Filter | null)[] = [exit, goal];
  for (const step of steps) {
    if (step.type !== 'wait_for') continue;
    if (step.condition.kind === 'event') events.add(step.condition.event);
    else asked.push(step.condition.filter);
  }
  for (const leaf of asked.flatMap((filter) => (filter === null ? [] : leavesWithin(filter)))) {
    if (leaf.kind === 'did') events.add(leaf.event);
    for (const field of fieldsOf(leaf)) {
      const changes = changesOf(field);
      if (changes === null) always = true;
      else fields.add(changes);
    }
  }
  return { fields, events, always };
}

function fieldsOf(leaf: Exclude<Leaf, Segment>): Field[] {
  if (leaf.kind === 'everyone' || leaf.kind === 'percent' || leaf.kind === 'did') return [];
  return ['subject' in leaf ? leaf.subject.field : leaf.field];
}

/** The field whose change moves this one; null where no change of a field tells. */
function changesOf(field: Field): string | null {
  if (field.entity === 'company') return 'company_id';
  if (field.kind === 'custom') return changedKey(field.tokens[0] ?? '');
  if (field.kind === 'derived') return 'signed_up_at';
  return kept.has(field.name) ? null : field.name;
}

/** Columns that Muster moves by itself and names in no outbox row. */
const kept: ReadonlySet<string> = new Set(['updated_at', 'first_seen', 'last_seen', 'last_contacted_at']);
