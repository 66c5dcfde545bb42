import { leafHorizon } from '../horizon.js';
import type { PlainLeaf } from '../horizon.js';
import { compilePredicate } from '../predicate.js';
import type { UserRecord } from '../record.js';
import type { Moment } from '../time.js';
import { read } from '../tree.js';
import type { Filter, Reader } from '../tree.js';

/**
 * The first instant after `moment.now` at which the whole filter's verdict on this user differs from now's if the data stay,
 * in milliseconds since 1970 (UTC); null when it never does within the years 0001 to 9999. Exact, as `leafHorizon` is.
 *
 * Each part answers when it is next true and when next false. An `and` is next true where all of its parts are at once: the
 * latest of their answers, asked again from there until none is later. So what one condition does while another rules it
 * out is never looked at.
 */
export function verdictHorizon(filter: Filter, user: UserRecord, moment: Moment): number | null {
  return courseOf(filter, user, moment).turns(moment.now);
}

/** A person's verdict as time passes and the data stay. */
export interface Course {
  /** The verdict at an instant, not before the moment that the course was made for. */
  at(instant: number): boolean;
  /** The first later instant at which the verdict differs from the one at this instant; null where there is none. */
  turns(instant: number): number | null;
}

export function courseOf(filter: Filter, user: UserRecord, moment: Moment): Course {
  const whole = read(reader, filter, { user, moment });
  const at = (instant: number): boolean => whole.next(true, instant) === instant;
  return { at, turns: (instant) => whole.next(!at(instant), instant) };
}

interface Part {
  /** The first instant, this one or a later, at which the verdict is so; null where there is none. */
  next(verdict: boolean, instant: number): number | null;
}

interface Context {
  readonly user: UserRecord;
  readonly moment: Moment;
}

const reader: Reader<Context, Part> = {
  and: ({ operands }, context) => joined(true, operands, context),
  or: ({ operands }, context) => joined(false, operands, context),
  not: ({ operand }, context) => {
    const part = read(reader, operand, context);
    return { next: (verdict, instant) => part.next(!verdict, instant) };
  },
  segment: ({ filter }, context) => read(reader, filter, context),
  everyone: leafPart,
  compare: leafPart,
  in: leafPart,
  between: leafPart,
  text: leafPart,
  has: leafPart,
  presence: leafPart,
  percent: leafPart,
  did: leafPart,
};

/** `and`, for which `all` is true, and `or`, for which it is false: the verdict that needs every operand to have it. */
function joined(all: boolean, operands: readonly Filter[], context: Context): Part {
  const parts = operands.map((operand) => read(reader, operand, context));
  return {
    next(verdict, instant) {
      return verdict === all ? together(parts, verdict, instant) : first(parts, verdict, instant);
    },
  };
}

function together(parts: readonly Part[], verdict: boolean, instant: number): number | null {
  let from = instant;
  for (;;) {
    let latest = from;
    for (const part of parts) {
      const next = part.next(verdict, latest);
      if (next === null) return null;
      latest = next;
    }
    if (latest === from) return from;
    from = latest;
  }
}

function first(parts: readonly Part[], verdict: boolean, instant: number): number | null {
  let earliest: number | null = null;
  for (const part of parts) {
    const next = part.next(verdict, instant);
    if (next === instant) return instant;
    if (next !== null && (earliest === null || next < earliest)) earliest = next;
  }
  return earliest;
}

/** Remembers the stretch that it looked at last: a join asks about the same one again and again. */
function leafPart(leaf: PlainLeaf, { user, moment }: Context): Part {
  let stretch = { from: Infinity, until: Infinity, verdict: false };
  const look = (instant: number): void => {
    if (instant >= stretch.from && instant < stretch.until) return;
    const at: Moment = instant === moment.now ? moment : { ...moment, now: instant };
    const verdict = compilePredicate(leaf, at)(user);
    stretch = { from: instant, until: leafHorizon(leaf, user, at) ?? Infinity, verdict };
  };
  return {
    next(verdict, instant) {
      look(instant);
      if (stretch.verdict === verdict) return instant;
      return stretch.until === Infinity ? null : stretch.until;
    },
  };
}
