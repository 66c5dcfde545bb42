import { isDay } from '../day.js';
import { mayBeDay } from '../fields.js';
import type { Field } from '../fields.js';
import type { UserRecord } from '../record.js';
import type { Moment } from '../time.js';
import { columnInstant, foldAscii, readerOf, splitList, textInstant } from '../values.js';
import type { FieldReader } from '../values.js';
import type { AccessKey } from './access.js';
import type { Bound, Place, Test } from './conditions.js';

/** What hangs on something that a value may be. */
export interface Posting {
  /** Positions of filters that are asked because of it. */
  readonly asks: number[];
  /** Places of the counted filters that need it. */
  readonly needs: number[];
  /** Places of the counted filters that refuse it. */
  readonly refuses: number[];
}

export type Meet = (posting: Posting) => void;

type TypeName = 'present' | 'text' | 'number' | 'boolean';

/** All that filters want to know of one field, answered by reading it once. */
export class FieldTable {
  readonly #field: Field;
  #read: FieldReader;
  readonly #values = new Map<unknown, Posting>();
  readonly #folded = new Map<unknown, Posting>();
  readonly #items = new Map<unknown, Posting>();
  readonly #types = new Map<TypeName, Posting>();
  readonly #numbers = new Ruler();
  readonly #times = new Ruler();
  readonly #mayBeDay: boolean;

  constructor(field: Field) {
    this.#field = field;
    this.#read = readerOf(field, { now: 0, zone: 'UTC' });
    this.#mayBeDay = mayBeDay(field);
  }

  /** The places where a test's answer is found: one of them is met by whoever it is true of. */
  postingsOf(test: Test): Posting[] {
    if (test.kind === 'keys') return test.keys.map((key) => this.postingOf(key));
    if (test.kind !== 'bound') return [entry(this.#types, test.kind)];
    return [(test.of === 'numbers' ? this.#numbers : this.#times).postingOf(test)];
  }

  postingOf({ kind, value }: AccessKey): Posting {
    return entry(kind === 'item' ? this.#items : kind === 'folded' ? this.#folded : this.#values, value);
  }

  /** Everything that moves with the clock is as of that moment from here on. */
  setTo(moment: Moment): void {
    if (this.#field.kind === 'derived') this.#read = readerOf(this.#field, moment);
    this.#numbers.setTo(moment);
    this.#times.setTo(moment);
  }

  /** Answers all that is true of the person's value. */
  look(user: UserRecord, meet: Meet): void {
    const seen = this.#read(user);
    if (seen === undefined || seen === null) return;
    meetAt(this.#types, 'present', meet);
    if (this.#values.size > 0) meetAt(this.#values, seen, meet);
    if (typeof seen === 'string') {
      meetAt(this.#types, 'text', meet);
      if (this.#folded.size > 0) meetAt(this.#folded, foldAscii(seen), meet);
    } else if (typeof seen === 'number') {
      // A number beyond the doubles, which is read as infinite, is no number of the language.
      if (Number.isFinite(seen)) {
        meetAt(this.#types, 'number', meet);
        this.#numbers.meetAll(seen, meet);
      }
    } else if (typeof seen === 'boolean') {
      meetAt(this.#types, 'boolean', meet);
    }
    if (!this.#times.isEmpty) {
      const time = this.#field.kind === 'column' ? columnInstant(seen) : textInstant(seen);
      if (this.#mayBeDay && isDay(time)) this.#times.meetAllOfDay(time, meet);
      else if (!Number.isNaN(time)) this.#times.meetAll(time, meet);
    }
    if (this.#items.size > 0) for (const item of itemsOf(seen)) meetAt(this.#items, item, meet);
  }
}

/** Each once. */
function itemsOf(seen: unknown): Iterable<unknown> {
  const list: readonly unknown[] = Array.isArray(seen)
    ? seen
    : typeof seen === 'string'
      ? splitList(seen)
      : [];
  return list.length > 1 ? new Set(list) : list;
}

function entry<Key>(postings: Map<Key, Posting>, key: Key): Posting {
  let posting = postings.get(key);
  if (posting === undefined) {
    posting = { asks: [], needs: [], refuses: [] };
    postings.set(key, posting);
  }
  return posting;
}

function meetAt<Key>(postings: ReadonlyMap<Key, Posting>, key: Key, meet: Meet): void {
  const posting = postings.get(key);
  if (posting !== undefined) meet(posting);
}

interface Mark {
  readonly bound: Bound;
  readonly posting: Posting;
  at: Place;
}

/** Bounds in their order, so that those which a value lies beyond are the first so many. */
class Ruler {
  readonly #marks = new Map<string, Mark>();
  /** By value, and by day: a clock that is put back over midnight gives the two another order. */
  #values = scaleOf([], 'value');
  #days = scaleOf([], 'day');

  get isEmpty(): boolean {
    return this.#marks.size === 0;
  }

  postingOf(bound: Bound): Posting {
    let mark = this.#marks.get(bound.name);
    if (mark === undefined) {
      mark = { bound, posting: { asks: [], needs: [], refuses: [] }, at: { value: 0, day: 0 } };
      this.#marks.set(bound.name, mark);
    }
    return mark.posting;
  }

  setTo(moment: Moment): void {
    for (const mark of this.#marks.values()) mark.at = mark.bound.at(moment);
    this.#values = scaleOf([...this.#marks.values()], 'value');
    this.#days = scaleOf([...this.#marks.values()], 'day');
  }

  meetAll(value: number, meet: Meet): void {
    meetOn(this.#values, value, meet);
  }

  meetAllOfDay(day: number, meet: Meet): void {
    meetOn(this.#days, day, meet);
  }
}

/** The bounds of each side, those first that most values lie beyond. */
interface Scale {
  readonly from: readonly Step[];
  readonly upto: readonly Step[];
}

interface Step {
  readonly at: number;
  readonly posting: Posting;
}

function scaleOf(marks: readonly Mark[], by: keyof Place): Scale {
  const on = (side: Bound['side']): Step[] =>
    marks
      .filter(({ bound }) => bound.side === side)
      .map(({ at, posting }) => ({ at: at[by], posting }))
      .toSorted((a, b) => (side === 'from' ? a.at - b.at : b.at - a.at));
  return { from: on('from'), upto: on('upto') };
}

function meetOn({ from, upto }: Scale, value: number, meet: Meet): void {
  for (const { at, posting } of from) {
    if (at > value) break;
    meet(posting);
  }
  for (const { at, posting } of upto) {
    if (at < value) break;
    meet(posting);
  }
}
