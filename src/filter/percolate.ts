import { accessOf, foldsOf } from './percolate/access.js';
import type { AccessKey } from './percolate/access.js';
import { dependenciesOf } from './dependencies.js';
import { edgesOf } from './edges.js';
import { nameOf } from './fields.js';
import { compilePredicate } from './predicate.js';
import type { Predicate } from './predicate.js';
import type { UserRecord } from './record.js';
import type { Moment } from './time.js';
import type { Filter } from './tree.js';
import { foldAscii, readerOf, splitList } from './values.js';
import type { FieldReader } from './values.js';

/**
 * Many filters asked about one person. Which of them can match is found by the fields they read, and then by one clause that
 * each of them needs: an equality, a list, a tag. What is left is asked with the exact predicate, so that the index costs
 * time where it errs, and never a verdict: the answer equals a loop over all filters, always.
 */
export interface FilterIndex {
  /**
   * The positions of the filters that match, in no order.
   * @param changed names as `dependenciesOf` gives them: only filters that read one of them are asked. Null: all are.
   */
  matching(user: UserRecord, moment: Moment, changed?: ReadonlySet<string> | null): number[];
  /** How many filters were asked with their predicate, since the index was made. */
  readonly asked: number;
}

/** The filters under one key of one field. */
interface FieldTable {
  readonly read: FieldReader;
  readonly values: Map<unknown, number[]>;
  readonly folded: Map<unknown, number[]>;
  readonly items: Map<unknown, number[]>;
}

export function indexFilters(filters: readonly Filter[]): FilterIndex {
  const tables = new Map<string, FieldTable>();
  const always: number[] = [];
  register(filters, tables, always);
  const fields = [...tables.values()];
  const reads = filters.map((filter) => new Set(dependenciesOf(filter)));
  const tests = predicatesOf(filters);
  // A filter that is found by several of its arms is asked once: each look has a number of its own.
  const seen = new Uint32Array(filters.length);
  let look = 0;
  let asked = 0;

  return {
    get asked() {
      return asked;
    },
    matching(user, moment, changed = null) {
      look = (look + 1) % 0xffffffff;
      if (look === 0) seen.fill(0);
      const mark = look;
      const testOf = tests.at(moment);
      const found: number[] = [];
      const ask = (positions: readonly number[] | undefined): void => {
        if (positions === undefined) return;
        for (const position of positions) {
          if (seen[position] === mark) continue;
          seen[position] = mark;
          if (changed !== null && !meets(reads[position], changed)) continue;
          asked += 1;
          if (testOf(position)(user)) found.push(position);
        }
      };
      for (const table of fields) lookUp(table, user, ask);
      ask(always);
      return found;
    },
  };
}

function lookUp(
  { read, values, folded, items }: FieldTable,
  user: UserRecord,
  ask: (positions: readonly number[] | undefined) => void,
): void {
  const seen = read(user);
  if (seen === undefined || seen === null) return;
  if (values.size > 0) ask(values.get(seen));
  if (folded.size > 0) ask(folded.get(typeof seen === 'string' ? foldAscii(seen) : seen));
  if (items.size === 0) return;
  const list: readonly unknown[] = Array.isArray(seen)
    ? seen
    : typeof seen === 'string'
      ? splitList(seen)
      : [];
  for (const item of list) ask(items.get(item));
}

function meets(reads: ReadonlySet<string> | undefined, changed: ReadonlySet<string>): boolean {
  if (reads === undefined) return false;
  for (const name of changed) if (reads.has(name)) return true;
  return false;
}

interface Predicates {
  /** The predicates at a moment; of an earlier one none may be used any more. */
  at(moment: Moment): (position: number) => Predicate;
}

/** Compiled when first asked. What moves with the clock is compiled anew for each moment, the rest once. */
function predicatesOf(filters: readonly Filter[]): Predicates {
  const tests: (Predicate | undefined)[] = filters.map(() => undefined);
  const moving: number[] = [];
  let current: Moment | null = null;
  const compile = (position: number): Predicate => {
    const filter = filters[position];
    if (filter === undefined || current === null) throw new RangeError(`there is no filter ${position}`);
    const test = compilePredicate(filter, current);
    tests[position] = test;
    if (edgesOf(filter).length > 0) moving.push(position);
    return test;
  };
  const testOf = (position: number): Predicate => tests[position] ?? compile(position);
  return {
    at(moment) {
      if (moment.now !== current?.now || moment.zone !== current.zone) {
        for (const position of moving) tests[position] = undefined;
        moving.length = 0;
        current = moment;
      }
      return testOf;
    },
  };
}

/**
 * Puts each filter under the keys of its rarest clause. How rare a value is, nobody has to tell: a field that filters ask for
 * many different values has many, so that each of them is had by few.
 */
function register(filters: readonly Filter[], tables: Map<string, FieldTable>, always: number[]): void {
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
  choices.forEach((options, position) => {
    const weighed = options.map((keys) => ({ keys, weight: weight(keys) }));
    const [best] = weighed.toSorted((a, b) => a.weight - b.weight);
    if (best === undefined) always.push(position);
    else for (const key of best.keys) put(tables, key, position);
  });
}

function put(tables: Map<string, FieldTable>, key: AccessKey, position: number): void {
  const name = nameOf(key.field);
  let table = tables.get(name);
  if (table === undefined) {
    table = { read: readerOf(key.field, 0), values: new Map(), folded: new Map(), items: new Map() };
    tables.set(name, table);
  }
  const under = foldsOf(key) ? table.folded : key.kind === 'item' ? table.items : table.values;
  const positions = under.get(key.value);
  if (positions === undefined) under.set(key.value, [position]);
  else positions.push(position);
}
