import { isDay, orderOf } from '../day.js';
import type { Bound } from '../day.js';
import { mayBeDay } from '../fields.js';
import { boundOf } from '../time.js';
import type { Moment } from '../time.js';
import type { CompareOperator, Literal, Subject } from '../tree.js';
import { columnInstant, compareText, foldAscii, textInstant } from '../values.js';
import { nearness } from './reason.js';
import type { Reason } from './reason.js';

/** A literal with its time resolved. */
export type Demand =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'time'; readonly value: Bound };

export function demandOf(literal: Literal, moment: Moment): Demand {
  return literal.type === 'time' ? { type: 'time', value: boundOf(literal.value, moment) } : literal;
}

/** The value as the demand's type, or why it is not one. */
type Taken = { readonly value: string | number | boolean } | { readonly reason: Reason };

function take(seen: unknown, type: Demand['type'], { field, lower }: Subject): Taken {
  if (type === 'time') return takeInstant(seen, field.kind === 'column' ? field.type : field.kind);
  // A dedicated field holds its own type and no other, however a record spells it.
  if (field.kind !== 'custom' && field.type !== type) return { reason: 'type_mismatch' };
  // NaN is how a derived field says that its column holds no time.
  if (typeof seen === 'number' && Number.isNaN(seen)) return { reason: 'unparsable_time' };
  if (type === 'text' && typeof seen === 'string') return { value: lower ? foldAscii(seen) : seen };
  // A stored number beyond the doubles is read as infinite, and is no number of the language.
  if (type === 'number' && typeof seen === 'number' && Number.isFinite(seen)) return { value: seen };
  if (type === 'boolean' && typeof seen === 'boolean') return { value: seen };
  return { reason: 'type_mismatch' };
}

function takeInstant(seen: unknown, holds: string): Taken {
  const column = holds === 'time';
  if (!column && holds !== 'custom') return { reason: 'type_mismatch' };
  if (typeof seen !== 'string' && !(column && seen instanceof Date)) return { reason: 'type_mismatch' };
  const instant = column ? columnInstant(seen) : textInstant(seen);
  return Number.isNaN(instant) ? { reason: 'unparsable_time' } : { value: instant };
}

export function judgeEqual(operator: '==' | '!=', seen: unknown, demand: Demand, subject: Subject): Reason {
  const taken = take(seen, demand.type, subject);
  if ('reason' in taken) return taken.reason;
  const equal = compareTaken(taken.value, demand, subject) === 0;
  if (operator === '!=') return equal ? 'different' : 'matched';
  return equal ? 'matched' : unequal(seen, demand);
}

export function judgeOneOf(seen: unknown, demands: readonly Demand[], subject: Subject): Reason {
  const reasons = new Set<Reason>();
  for (const demand of demands) {
    const reason = judgeEqual('==', seen, demand, subject);
    if (reason === 'matched') return reason;
    reasons.add(reason);
  }
  // The nearest miss names the list's reason: an item of the value's own type says more than one of another.
  return nearness.find((reason) => reasons.has(reason)) ?? 'different';
}

function unequal(seen: unknown, demand: Demand): Reason {
  if (demand.type === 'time') return 'outside_window';
  const foldsAlike =
    demand.type === 'text' && typeof seen === 'string' && foldAscii(seen) === foldAscii(demand.value);
  return foldsAlike ? 'case_mismatch' : 'different';
}

interface End {
  readonly operator: Exclude<CompareOperator, '==' | '!='>;
  readonly demand: Demand;
}

/** One bound of an ordering, or the two of a `between`. */
export function judgeBounds(bounds: readonly End[], seen: unknown, subject: Subject): Reason {
  let reason: Reason = 'matched';
  for (const { operator, demand } of bounds) {
    const taken = take(seen, demand.type, subject);
    if ('reason' in taken) return taken.reason;
    // The language orders no booleans.
    if (demand.type === 'boolean') return 'type_mismatch';
    if (!admits(operator, compareTaken(taken.value, demand, subject))) {
      reason = demand.type === 'time' ? 'outside_window' : 'different';
    }
  }
  return reason;
}

/** Negative, zero or positive; days and instants compare as `orderOf` has it. */
function compareTaken(seen: string | number | boolean, demand: Demand, { field }: Subject): number {
  if (demand.type === 'time')
    return typeof seen === 'number'
      ? orderOf(seen, mayBeDay(field) && isDay(seen), demand.value)
      : Number.NaN;
  return order(seen, demand.value);
}

function order(seen: string | number | boolean, wanted: string | number | boolean): number {
  if (typeof seen === 'string' && typeof wanted === 'string') return compareText(seen, wanted);
  return Number(seen > wanted) - Number(seen < wanted);
}

function admits(operator: End['operator'], sign: number): boolean {
  if (operator === '<') return sign < 0;
  if (operator === '<=') return sign <= 0;
  if (operator === '>') return sign > 0;
  return sign >= 0;
}
