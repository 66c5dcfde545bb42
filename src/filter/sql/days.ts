import type { CompareOperator } from '../tree.js';
import type { Condition } from './condition.js';
import { any, atom, nobody } from './condition.js';
import { columnIndex } from './indexes.js';
import { member } from './member.js';
import { bindInstant, outside, within } from './range.js';
import type { Scope } from './scope.js';

const day = 86_400_000;

/** The instant that days_since_signup counts from: the field decides its fallback, no caller does. */
export function signupOf(scope: Scope): string {
  return `COALESCE(${scope.row}.signed_up_at, ${scope.row}.created_at)`;
}

/** days_since_signup against a number, as a range of signup instants, so that the column stays bare and its index serves. */
export function daysCompare(operator: CompareOperator, value: number, scope: Scope): Condition {
  if (operator !== '!=') return daysBetween(...spans[operator](value), scope);
  // No count is a fraction, so that every count differs from one.
  if (!Number.isInteger(value)) return atom(`${signupOf(scope)} IS NOT NULL`);
  return atom(outside(signupOf(scope), ...signupRange(value, value, scope.moment.now), scope.parameters));
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
  const [from, to] = signupRange(least, most, scope.moment.now);
  const range = { from: most === Infinity ? null : from, to: least === -Infinity ? null : to };
  return {
    text: within(signupOf(scope), range, scope.parameters),
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
  const signup = `date_trunc('milliseconds', ${signupOf(scope)})`;
  const elapsed = `floor(extract(epoch FROM ${bindInstant(scope.moment.now, scope.parameters)} - ${signup}) / 86400)`;
  return { ...span, text: `${span.text} AND ${member(elapsed, 'numeric', counts, scope)}` };
}

/** Signups `[from, to)` for which the count lies in `[least, most]`; a signup's part of a millisecond is cut off. */
function signupRange(least: number, most: number, now: number): [from: number, to: number] {
  return [now - (most + 1) * day + 1, now - least * day + 1];
}
