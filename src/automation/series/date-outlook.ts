import { nameOf } from '../../filter/fields.js';
import { shown } from '../../filter/parse/context.js';
import type { DateState } from './dates.js';
import type { DateTrigger } from './triggers.js';

/** Where the dates of a group of people stand towards a date trigger. `missing` + `unreadable` + `past` + `to_come` = `people`. */
export interface DateOutlook extends Readonly<Record<DateState, number>> {
  /** The `var` of the field. */
  readonly field: string;
  readonly people: number;
  /** A few values that are no ISO 8601 time. */
  readonly unreadable_examples: readonly string[];
  /** The next instants at which it starts the series, and for how many; up to five. ISO 8601. */
  readonly next: readonly { readonly at: string; readonly people: number }[];
}

const mostShown = 5;

/** Adds dates up, in any order. */
export function dateOutlook({ field }: DateTrigger): {
  count(state: DateState, people: number): void;
  example(seen: unknown): void;
  comes(at: number, people: number): void;
  result(): DateOutlook;
} {
  const counts: Record<DateState, number> = { missing: 0, unreadable: 0, past: 0, to_come: 0 };
  const examples = new Set<string>();
  const instants = new Map<number, number>();
  return {
    count(state, people) {
      counts[state] += people;
    },
    example(seen) {
      if (examples.size < mostShown) examples.add(typeof seen === 'string' ? seen : JSON.stringify(seen));
    },
    comes(at, people) {
      instants.set(at, (instants.get(at) ?? 0) + people);
    },
    result: () => ({
      field: nameOf(field),
      people: counts.missing + counts.unreadable + counts.past + counts.to_come,
      ...counts,
      unreadable_examples: [...examples],
      next: [...instants]
        .toSorted(([one], [other]) => one - other)
        .slice(0, mostShown)
        .map(([at, people]) => ({ at: new Date(at).toISOString(), people })),
    }),
  };
}

const number = (count: number): string => count.toLocaleString('en-US');

/** An outlook as one sentence, with every number that is not 0. */
export function outlookWords({
  field,
  people,
  missing,
  unreadable,
  past,
  to_come: toCome,
  unreadable_examples: examples,
  next,
}: DateOutlook): string {
  const quoted = examples.map((seen) => `\`${shown(seen)}\``).join(', ');
  const [first] = next;
  const when = first === undefined ? '' : ` (the next ${minuteText(first.at)} UTC, ${number(first.people)})`;
  const parts = [
    [missing, 'have no value'],
    [unreadable, `have a value that is no ISO 8601 time, such as ${quoted}`],
    [past, 'have a date whose time to enter is past'],
    [toCome, `are still to enter${when}`],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, words]) => `${number(count)} ${words}`);
  const whole = `of ${number(people)} ${people === 1 ? 'person' : 'people'} in the audience`;
  return said.length === 0 ? `nobody is in the audience` : `${whole}, by \`${field}\`: ${said.join('; ')}`;
}

/** `2026-12-17 09:00` of an ISO 8601 instant. */
export function minuteText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
