import { register } from './percolate/register.js';
import type { Counted } from './percolate/register.js';
import type { FieldTable, Posting } from './percolate/table.js';
import { dependenciesOf } from './dependencies.js';
import { edgesOf } from './edges.js';
import { compilePredicate } from './predicate.js';
import type { Predicate } from './predicate.js';
import type { UserRecord } from './record.js';
import type { Moment } from './time.js';
import type { Filter } from './tree.js';

/**
 * Many filters asked about one person; the answer equals a loop over all of them, always. Each field is read once, and tells
 *
 * - which filters need a rare value that the person has: they are asked with their exact predicate;
 * - which conditions of all other filters are met, so that each is decided once and counted wherever it is needed. Who meets all
 *   of a filter's conditions matches it, or is asked where it says more than they do.
 */
export interface FilterIndex {
  /**
   * The positions of the filters that match, in no order.
   * @param changed names as `dependenciesOf` gives them: only filters that read one of them are answered. Null: all are.
   */
  matching(user: UserRecord, moment: Moment, changed?: ReadonlySet<string> | null): number[];
  /** How many filters were asked with their predicate, since the index was made. */
  readonly asked: number;
}

export function indexFilters(filters: readonly Filter[]): FilterIndex {
  const { tables, always, counted } = register(filters);
  const reads = filters.map((filter) => new Set(dependenciesOf(filter)));
  const reading = positionsReading(reads);
  const predicates = predicatesOf(filters);
  const setTo = clockOf(tables);
  const counter = counterOf(counted);
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
      const testOf = predicates.at(moment);
      const found: number[] = [];
      const ask = (position: number): void => {
        if (seen[position] === mark) return;
        seen[position] = mark;
        if (changed !== null && !meets(reads[position], changed)) return;
        asked += 1;
        if (testOf(position)(user)) found.push(position);
      };
      const concerned = changed === null ? null : fewOf(reading, changed);
      if (concerned !== null) {
        for (const position of concerned) ask(position);
        return found;
      }
      setTo(moment);
      counter.begin();
      const meet = (posting: Posting): void => {
        for (const position of posting.asks) ask(position);
        counter.meet(posting);
      };
      for (const table of tables) table.look(user, meet);
      counter.end((position, whole) => {
        if (!whole) ask(position);
        else if (changed === null || meets(reads[position], changed)) found.push(position);
      });
      for (const position of always) ask(position);
      return found;
    },
  };
}

interface Counter {
  begin(): void;
  meet(posting: Posting): void;
  /** Answers the filters of which all conditions are met. */
  end(answer: (position: number, whole: boolean) => void): void;
}

/** More than a filter can have conditions. */
const refusal = 1 << 20;

function counterOf({ positions, whole, needed }: Counted): Counter {
  const missing = new Int32Array(needed.length);
  return {
    begin() {
      missing.set(needed);
    },
    meet({ needs, refuses }) {
      for (const place of needs) missing[place] = (missing[place] ?? 0) - 1;
      for (const place of refuses) missing[place] = (missing[place] ?? 0) + refusal;
    },
    end(answer) {
      for (let place = 0; place < missing.length; place += 1)
        if (missing[place] === 0) answer(positions[place] ?? 0, whole[place] === true);
    },
  };
}

/** Brings the tables to a moment, where it is not theirs. */
function clockOf(tables: readonly FieldTable[]): (moment: Moment) => void {
  let current: Moment | null = null;
  return (moment) => {
    if (moment.now === current?.now && moment.zone === current.zone) return;
    for (const table of tables) table.setTo(moment);
    current = moment;
  };
}

/** So few filters are asked one by one: all fields cost more to read. */
const few = 20;

function positionsReading(reads: readonly ReadonlySet<string>[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  reads.forEach((names, position) => {
    for (const name of names) {
      const known = found.get(name);
      if (known === undefined) found.set(name, [position]);
      else known.push(position);
    }
  });
  return found;
}

/** The filters that read one of the names, where they are few. */
function fewOf(reading: ReadonlyMap<string, readonly number[]>, names: ReadonlySet<string>): number[] | null {
  const found: number[] = [];
  for (const name of names) {
    const positions = reading.get(name) ?? [];
    if (found.length + positions.length > few) return null;
    found.push(...positions);
  }
  return found;
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
        // Days begin at other instants in another zone, whatever the clock says.
        if (moment.zone === current?.zone) for (const position of moving) tests[position] = undefined;
        else tests.fill(undefined);
        moving.length = 0;
        current = moment;
      }
      return testOf;
    },
  };
}
