import { DateTime } from 'luxon';
import { offsetAt } from '../offsets.js';
import { instantOf } from '../time.js';
import type { Moment, Time, Unit } from '../time.js';

/**
 * Where a relative time passes a fixed instant as `now` moves on.
 *
 * The bound mostly runs along with `now`, but not always forward: a month's last days share one bound, the day after a
 * daylight-saving change repeats or skips an hour of them. So time is cut into stretches in which the bound keeps
 * its distance from `now` (or, for `start_of`, stands still), and each stretch is solved by itself. The cuts may be
 * too many, never too few: the caller evaluates the condition at each answer.
 */

const day = 86_400_000;

/**
 * Every `now` after `moment.now` at which the time's comparison with `value` may change: where the bound becomes equal,
 * where it stops being equal, and where it jumps. Between two of them it stays below, equal or above.
 */
export function crossings(time: Time, value: number, moment: Moment): number[] {
  const plain = plainCrossing(time, value, moment.zone);
  if (plain !== null) return [plain, plain + 1].filter((at) => at > moment.now);
  return windowsOf(time, value, moment.zone)
    .filter(({ now }) => now.end > moment.now)
    .flatMap(({ now, bound }) => {
      const ahead = { start: Math.max(now.start, moment.now), end: now.end };
      const cuts = [ahead.start, ...cutsOf(time, ahead, bound, moment.zone)];
      if (time.kind === 'start_of') return cuts;
      return cuts.flatMap((cut) => {
        const distance = cut - instantOf(time, { now: cut, zone: moment.zone });
        return [cut, value + distance, value + distance + 1];
      });
    });
}

/**
 * The instants after `from`, up to `to`, at which the time's bound may change its distance from `now`. Between two of them it
 * keeps it, or stands still.
 */
export function stepsOf(time: Time, from: number, to: number, zone: string): number[] {
  const slack = slackOf(time);
  const bounds = [from, to].map((now) => instantOf(time, { now, zone }));
  const bound = { start: Math.min(...bounds) - slack, end: Math.max(...bounds) + slack };
  return cutsOf(time, { start: from, end: to }, bound, zone).toSorted((a, b) => a - b);
}

const dayLengths: Partial<Record<Unit, number>> = { days: day, weeks: 7 * day };
const exactLengths: Partial<Record<Unit, number>> = { minutes: 60_000, hours: 3_600_000 };

/**
 * The one instant at which the bound is equal to the value, where no clock changes near either of the two: there the bound keeps
 * its distance from `now`, and the search that follows would find the same. Null where it has to search.
 */
function plainCrossing(time: Time, value: number, zone: string): number | null {
  if (time.kind !== 'ago' && time.kind !== 'from_now') return null;
  const sign = time.kind === 'ago' ? 1 : -1;
  const exact = exactLengths[time.unit];
  if (exact !== undefined) return value + sign * time.amount * exact;
  const length = dayLengths[time.unit];
  if (length === undefined) return null;
  const there = steadyOffset(value, zone);
  if (there === null) return null;
  const wall = value + there + sign * time.amount * length;
  const here = steadyOffset(wall, zone);
  return here === null ? null : wall - here;
}

/** The offset that holds from two days before the instant to two days after it, or null. */
function steadyOffset(instant: number, zone: string): number | null {
  const before = offsetAt(instant - 2 * day, zone);
  return before === offsetAt(instant + 2 * day, zone) ? before : null;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A span of `now`, and the span that the bound can lie in meanwhile. */
interface Window {
  readonly now: Span;
  readonly bound: Span;
}

/**
 * How far the inverse of a calendar unit can miss: a month's clamp moves the bound up to three days, a zone that
 * skips a date one, daylight saving hours.
 */
function slackOf(time: Time): number {
  return time.kind !== 'at' && time.unit === 'months' ? 5 * day : 2 * day;
}

/** Windows outside of which the bound stays on one side of the value, or equal to it. */
function windowsOf(time: Time, value: number, zone: string): Window[] {
  if (time.kind === 'at') return [];
  const at = local(value, zone);
  const slack = slackOf(time);
  if (time.kind !== 'start_of') {
    const length = { [time.unit]: time.amount };
    return [windowAround(time.kind === 'ago' ? at.plus(length) : at.minus(length), at, slack)];
  }
  // The bound enters the value's period, and leaves it one period later.
  const { unit, offset } = time;
  const units = `${unit}s`;
  const start = at.startOf(unit);
  const end = start.plus({ [units]: 1 });
  return [start, end].map((edge) => windowAround(edge.minus({ [units]: offset }), edge, slack));
}

function windowAround(now: DateTime, bound: DateTime, slack: number): Window {
  const [nowAt, boundAt] = [now.toMillis(), bound.toMillis()];
  return {
    now: { start: nowAt - slack, end: nowAt + slack },
    bound: { start: boundAt - 2 * slack, end: boundAt + 2 * slack },
  };
}

/**
 * The instants at which the bound may change its distance from `now`: the zone's own changes; and every wall-clock
 * time at which the bound meets a change of the zone or, in months and periods, a midnight. Each is taken on every
 * date of the window and under every offset that occurs, which is more than needed and never less.
 */
function cutsOf(time: Time, now: Span, bound: Span, zone: string): number[] {
  if (time.kind === 'at' || time.unit === 'minutes' || time.unit === 'hours') return [];
  const here = offsetsIn(now, zone);
  const there = offsetsIn(bound, zone);
  const offsets = new Set([...here.offsets, ...there.offsets]);
  const clock = new Set<number>();
  if (time.kind === 'start_of' || time.unit === 'months') clock.add(0);
  for (const change of there.changes) {
    for (const offset of offsets) clock.add(modulo(change + offset, day));
  }
  const cuts = new Set(here.changes);
  for (const offset of offsets) {
    const firstMidnight = Math.floor((now.start + offset) / day) * day;
    for (let midnight = firstMidnight; midnight <= now.end + offset; midnight += day) {
      for (const timeOfDay of clock) cuts.add(midnight + timeOfDay - offset);
    }
  }
  return [...cuts].filter((cut) => cut > now.start && cut <= now.end);
}

interface Offsets {
  /** Milliseconds east of UTC. */
  readonly offsets: readonly number[];
  /** The instants from which each further offset holds. */
  readonly changes: readonly number[];
}

/** The zone's offsets in a window and where they change, found by a look at every day and a search within it. */
function offsetsIn({ start, end }: Span, zone: string): Offsets {
  const offsets = [offsetAt(start, zone)];
  const changes: number[] = [];
  for (let from = start; from < end; from += day) {
    const to = Math.min(from + day, end);
    const before = offsetAt(from, zone);
    if (offsetAt(to, zone) === before) continue;
    let low = from;
    let high = to;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle, zone) === before) low = middle;
      else high = middle;
    }
    changes.push(high);
    offsets.push(offsetAt(high, zone));
  }
  return { offsets, changes };
}

function local(instant: number, zone: string): DateTime {
  return DateTime.fromMillis(instant, { zone });
}

/** The remainder that is never negative. */
function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
