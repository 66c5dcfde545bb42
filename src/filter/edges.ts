import { dayLength } from './day.js';
import type { Field } from './fields.js';
import { nameOf } from './fields.js';
import { isRelative } from './time.js';
import type { Time } from './time.js';
import { leavesWithin, read } from './tree.js';
import type { Did, Filter, Leaf, Literal, Reader } from './tree.js';

/** Stored times that a filter compares with the clock. */
export type EdgeSource =
  /** A time of the person or of their company: a column, a custom field, or the signup that a count of days begins at. */
  | { readonly kind: 'field'; readonly field: Field }
  /** When somebody's events of that name occurred. */
  | { readonly kind: 'event'; readonly event: string }
  /** A time in a property of somebody's events of that name. */
  | { readonly kind: 'property'; readonly event: string; readonly field: Field };

/**
 * Where a filter can turn by itself: for each person at the instants at which the relative time passes, reaches or leaves a
 * stored time of theirs.
 */
export interface Edge {
  readonly source: EdgeSource;
  readonly time: Time;
}

/**
 * Every edge of a filter, each once. If the data stay, nobody's verdict turns but at one of them: a person of whom no stored
 * time is passed between two instants has the same verdict throughout.
 */
export function edgesOf(filter: Filter): Edge[] {
  const found = new Map<string, Edge>();
  for (const leaf of leavesWithin(filter)) {
    for (const edge of read(reader, leaf, undefined)) found.set(edgeKey(edge), edge);
  }
  return [...found.values()];
}

/** One text for each edge: two filters that have it in common turn at the same instants. */
export function edgeKey({ source, time }: Edge): string {
  const from =
    source.kind === 'event'
      ? ['event', source.event]
      : source.kind === 'field'
        ? [nameOf(source.field)]
        : ['event', source.event, nameOf(source.field)];
  const at =
    time.kind === 'at'
      ? [time.text]
      : [time.kind, time.kind === 'start_of' ? time.offset : time.amount, time.unit];
  return JSON.stringify([...from, ...at]);
}

const none = (): Edge[] => [];

const reader: Reader<undefined, Edge[]> = {
  and: ({ operands }) => operands.flatMap(edgesOf),
  or: ({ operands }) => operands.flatMap(edgesOf),
  not: ({ operand }) => edgesOf(operand),
  segment: ({ filter }) => edgesOf(filter),
  everyone: none,
  compare: ({ subject, value }) => comparing(subject.field, [value]),
  in: ({ subject, items }) => comparing(subject.field, items),
  between: ({ subject, low, high }) => comparing(subject.field, [low, high]),
  text: none,
  has: none,
  presence: none,
  percent: none,
  did: didEdges,
};

function comparing(field: Field, literals: readonly Literal[]): Edge[] {
  const source = { kind: 'field', field } as const;
  if (field.kind !== 'derived') return relativeTimes(literals).map((time) => ({ source, time }));
  // A count of days reaches the number and leaves it so many whole days after the signup.
  return literals.flatMap((literal) =>
    literal.type === 'number'
      ? [Math.ceil(literal.value), Math.floor(literal.value) + 1].map((days) => ({
          source,
          time: afterDays(days),
        }))
      : [],
  );
}

function relativeTimes(literals: readonly Literal[]): Time[] {
  return literals.flatMap(({ type, value }) => (type === 'time' && isRelative(value) ? [value] : []));
}

const hoursOfDay = dayLength / 3_600_000;

/** Elapsed time, whatever the zone does. */
function afterDays(days: number): Time {
  return days >= 0
    ? { kind: 'ago', amount: days * hoursOfDay, unit: 'hours' }
    : { kind: 'from_now', amount: -days * hoursOfDay, unit: 'hours' };
}

/** Events come, and go out of the window; a time in `where` lets them begin and cease to match. */
function didEdges({ event, within, where }: Did): Edge[] {
  const source = { kind: 'event', event } as const;
  const edges: Edge[] = [{ source, time: { kind: 'ago', amount: 0, unit: 'minutes' } }];
  if (within !== null) edges.push({ source, time: { kind: 'ago', ...within } });
  for (const leaf of where === null ? [] : leavesWithin(where)) {
    if (!('subject' in leaf)) continue;
    const { field } = leaf.subject;
    for (const time of relativeTimes(literalsOf(leaf)))
      edges.push({ source: { kind: 'property', event, field }, time });
  }
  return edges;
}

function literalsOf(leaf: Leaf): readonly Literal[] {
  if (leaf.kind === 'compare') return [leaf.value];
  if (leaf.kind === 'in') return leaf.items;
  return leaf.kind === 'between' ? [leaf.low, leaf.high] : [];
}
