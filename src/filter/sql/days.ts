import { admittedFrom, isPlain } from '../admitted.js';
import type { Admitted } from '../admitted.js';
import { boundOfInstant, dayLength } from '../day.js';
import type { Bound } from '../day.js';
import type { Moment } from '../time.js';
import type { CompareOperator } from '../tree.js';
import type { Condition } from './condition.js';
import { any, atom, nobody } from './condition.js';
import { columnIndex } from './indexes.js';
import { hashedMember, member } from './member.js';
import { bindInstant, instantText, isDayText, within } from './range.js';
import type { Scope } from './scope.js';

/** The instant that days_since_signup counts from: the field decides its fallback, no caller does. */
export function signupOf(scope: Scope): string {
  return `COALESCE(${scope.row}.signed_up_at, ${scope.row}.created_at)`;
}

/** days_since_signup against a number, as a range of signup instants, so that the column stays bare and its index serves. */
export function daysCompare(operator: CompareOperator, value: number, scope: Scope): Condition {
  if (operator !== '!=') return daysBetween(...spans[operator](value), scope);
  // No count is a fraction, so that every count differs from one.
  if (!Number.isInteger(value)) return atom(`${signupOf(scope)} IS NOT NULL`);
  const holds = signedUp(signupsOf(value, value, scope.moment), scope);
  return atom(`${signupOf(scope)} IS NOT NULL AND (${holds}) IS NOT TRUE`);
}

/** The counts that satisfy a comparison, both ends included. */
const spans: Readonly<
  Record<Exclude<CompareOperator, '!='>, (value: number) => [low: number, high: number]>
> = {
  '==': (value) => [value, value],
  '<': (value) => [-Infinity, Math.ceil(value) - 1],
  '<=': (value) => [-Infinity, value],
  '>': (value) => [Math.floor(value) + 1, Infinity],
  '>=': (value) => [value, Infinity],
};

/** Both ends included. Counts are whole, so `between 2.5 and 4` is 3 or 4, and `between 2.2 and 2.8` nobody. */
export function daysBetween(low: number, high: number, scope: Scope): Condition {
  const least = Math.ceil(low);
  const most = Math.floor(high);
  if (least > most) return nobody;
  return {
    text: signedUp(signupsOf(least, most, scope.moment), scope),
    joint: 'and',
    indexes: columnIndex(scope.entity, 'days_since_signup', 'COALESCE(signed_up_at, created_at)'),
  };
}

/** `in`: runs of neighbouring counts are ranges; too many of them are compared with the count itself. */
export function daysIn(values: readonly number[], scope: Scope): Condition {
  const counts = [...new Set(values.filter((value) => Number.isInteger(value)))].toSorted((a, b) => a - b);
  const runs: { low: number; high: number }[] = [];
  for (const count of counts) {
    const last = runs.at(-1);
    if (last !== undefined && count === last.high + 1) last.high = count;
    else runs.push({ low: count, high: count });
  }
  if (runs.length === 0) return nobody;
  if (runs.length <= 8) return any(runs.map(({ low, high }) => daysBetween(low, high, scope)));
  const span = daysBetween(counts[0] ?? 0, counts.at(-1) ?? 0, scope);
  const { moment, parameters, row } = scope;
  const signup = `date_trunc('milliseconds', ${signupOf(scope)})`;
  const elapsed = `floor(extract(epoch FROM ${bindInstant(moment.now, parameters)} - ${signup}) / 86400)`;
  const counted = member(elapsed, 'numeric', counts, scope);
  const days = counts.flatMap((count) => daysOn(count, moment));
  if (counts.every((count) => isPlain(signupsOf(count, count, moment))))
    return { ...span, text: `${span.text} AND ${counted}` };
  // A signup that is a day is found by the dates that have such a count.
  const signedUpOn = `date_trunc('milliseconds', ${row}.signed_up_at)`;
  const onDays = hashedMember(signedUpOn, 'timestamptz', days.map(instantText), parameters);
  return {
    ...span,
    text: `${span.text} AND CASE WHEN ${isDayText(`${row}.signed_up_at`)} THEN ${onDays} ELSE ${counted} END`,
  };
}

/** Signups for which the count lies in `[least, most]`; a signup's part of a millisecond is cut off. */
function signupsOf(least: number, most: number, { now, zone }: Moment): Admitted {
  const end = (instant: number): Bound => boundOfInstant(instant, zone);
  return admittedFrom(
    most === Infinity ? null : end(now - (most + 1) * dayLength + 1),
    least === -Infinity ? null : end(now - least * dayLength + 1),
  );
}

/** The signup is admitted. Only the signup itself can be a day, and not what stands in for it. */
function signedUp(admitted: Admitted, scope: Scope): string {
  return within(signupOf(scope), admitted, scope.parameters, `${scope.row}.signed_up_at`);
}

/** The days for which the count is this one. */
function daysOn(count: number, { now, zone }: Moment): number[] {
  const from = boundOfInstant(now - (count + 1) * dayLength + 1, zone).day;
  const to = boundOfInstant(now - count * dayLength + 1, zone).day;
  const found: number[] = [];
  for (let day = from; day < to; day += dayLength) found.push(day);
  return found;
}
