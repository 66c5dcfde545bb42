import { DateTime } from 'luxon';

/**
 * What days mean, said slowly by luxon: nothing here shares a line with `src/filter`. Times are in milliseconds since 1970,
 * a day is its midnight in UTC.
 */

const hour = 3_600_000;
const day = 24 * hour;

function dateAt(instant: number, zone: string): string {
  const date = DateTime.fromMillis(instant, { zone }).toISODate();
  if (date === null) throw new RangeError(`luxon knows no zone ${zone}`);
  return date;
}

const found = new Map<string, number>();

/** The first instant at which the zone's clocks show the date or a later one. */
export function slowFirstMoment(date: number, zone: string): number {
  const key = `${zone} ${date}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const wanted = new Date(date).toISOString().slice(0, 10);
  let at = date - 20 * hour;
  while (dateAt(at, zone) < wanted) at += hour / 4;
  let before = at - hour / 4;
  while (at - before > 1) {
    const middle = Math.floor((at + before) / 2);
    if (dateAt(middle, zone) < wanted) before = middle;
    else at = middle;
  }
  found.set(key, at);
  return at;
}

/** What a comparison has on one side: a day, or an instant. */
export type Side = { readonly day: number } | { readonly instant: number };

/** A customer's time is a day on midnight UTC. */
export function customers(time: number): Side {
  return time % day === 0 ? { day: time } : { instant: time };
}

/** Negative, zero or positive: days by date, all else by first moments. */
export function slowOrder(one: Side, other: Side, zone: string): number {
  if ('day' in one && 'day' in other) return one.day - other.day;
  const [a, b] = [one, other].map((side) => ('day' in side ? slowFirstMoment(side.day, zone) : side.instant));
  return (a ?? 0) - (b ?? 0);
}
