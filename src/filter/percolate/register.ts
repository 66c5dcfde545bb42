import { nameOf } from '../fields.js';
import type { Field } from '../fields.js';
import type { Filter } from '../tree.js';
import { accessOf } from './access.js';
import type { AccessKey } from './access.js';
import { conjunctionOf } from './conditions.js';
import type { Condition } from './conditions.js';
import { FieldTable } from './table.js';

/** Where each filter is found; those that nobody matches are found nowhere. */
export interface Registered {
  readonly tables: readonly FieldTable[];
  /** Positions of the filters that are asked about everybody. */
  readonly always: readonly number[];
  readonly counted: Counted;
}

/** Filters found by their conditions, each at a place of its own. */
export interface Counted {
  readonly positions: readonly number[];
  /** Whether the conditions say all that the filter says. */
  readonly whole: readonly boolean[];
  /** How many conditions have to be met. */
  readonly needed: Int32Array;
}

/** What one person in so many has is worth a look of its own: to ask one filter costs as much as to count about as many. */
const rare = 1 / 100;

/**
 * Puts each filter where it costs least: under the keys of its rarest clause, where few people have one of them; among those that
 * are counted; or, where nothing is known of who matches, among those that are asked always.
 */
export function register(filters: readonly Filter[]): Registered {
  const tables = new Map<string, FieldTable>();
  const tableOf = (field: Field): FieldTable => {
    const name = nameOf(field);
    const table = tables.get(name) ?? new FieldTable(field);
    tables.set(name, table);
    return table;
  };
  const rarest = rarestKeys(filters);
  const always: number[] = [];
  const positions: number[] = [];
  const whole: boolean[] = [];
  const needed: number[] = [];
  filters.forEach((filter, position) => {
    const conjunction = conjunctionOf(filter);
    if (conjunction === null) return;
    const { conditions } = conjunction;
    const way = rarest[position];
    // Of a condition nothing is known: half of all people meet it.
    const often = conjunction.whole ? rare : Math.max(rare, 0.5 ** conditions.length);
    if (way !== undefined && way.weight <= often) {
      for (const key of way.keys) tableOf(key.field).postingOf(key).asks.push(position);
    } else if (conditions.length === 0 && !conjunction.whole) {
      always.push(position);
    } else {
      for (const condition of conditions) count(tableOf(condition.field), condition, positions.length);
      needed.push(conditions.filter(({ refused }) => !refused).length);
      positions.push(position);
      whole.push(conjunction.whole);
    }
  });
  return {
    tables: [...tables.values()],
    always,
    counted: { positions, whole, needed: Int32Array.from(needed) },
  };
}

function count(table: FieldTable, { test, refused }: Condition, place: number): void {
  for (const { needs, refuses } of table.postingsOf(test)) (refused ? refuses : needs).push(place);
}

interface Way {
  readonly keys: readonly AccessKey[];
  /** How many of all people have one of the keys, as far as can be told. */
  readonly weight: number;
}

/**
 * The rarest way in to each filter, if there is one. How rare a value is, nobody has to tell: a field that filters ask for many
 * different values has many, so that each of them is had by few.
 */
function rarestKeys(filters: readonly Filter[]): (Way | undefined)[] {
  const choices = filters.map((filter) => accessOf(filter));
  const asked = new Map<string, Set<unknown>>();
  for (const { field, value } of choices.flat(2)) {
    const name = nameOf(field);
    const known = asked.get(name);
    if (known === undefined) asked.set(name, new Set([value]));
    else known.add(value);
  }
  const weight = (keys: readonly AccessKey[]): number =>
    keys.reduce((sum, { field, value }) => {
      const values = asked.get(nameOf(field))?.size ?? 1;
      return sum + 1 / (typeof value === 'boolean' ? 2 : values + 1);
    }, 0);
  return choices.map((options) => {
    const weighed = options.map((keys) => ({ keys, weight: weight(keys) }));
    return weighed.toSorted((a, b) => a.weight - b.weight)[0];
  });
}
