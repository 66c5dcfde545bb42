import { dayText } from '../day.js';
import { dayIn } from '../time.js';
import type { Time, Unit } from '../time.js';

/** A time in words: `30 days ago`, `7 days from now`, `the start of this week`, the date of a day, or the ISO text itself. */
export function timeWords(time: Time): string {
  if (time.kind === 'at') {
    const day = dayIn(time);
    return day === null ? time.text : dayText(day);
  }
  if (time.kind === 'start_of') return `the start of ${periodWords(time.unit, time.offset)}`;
  if (time.amount === 0) return 'now';
  return `${amountWords(time.amount, time.unit)} ${time.kind === 'ago' ? 'ago' : 'from now'}`;
}

/** A window that ends or begins now or today, in words; null for every other. The next days include all of today. */
export function windowWords(low: Time, high: Time): string | null {
  if (low.kind === 'ago' && low.amount > 0 && isNow(high)) {
    return `in the last ${amountWords(low.amount, low.unit)}`;
  }
  if (high.kind === 'from_now' && high.amount > 0) {
    const byTheClock = high.unit === 'minutes' || high.unit === 'hours';
    if (byTheClock ? isNow(low) : isToday(low)) return `in the next ${amountWords(high.amount, high.unit)}`;
  }
  return null;
}

function isToday(time: Time): boolean {
  return time.kind === 'start_of' && time.unit === 'day' && time.offset === 0;
}

function isNow(time: Time): boolean {
  return (time.kind === 'ago' || time.kind === 'from_now') && time.amount === 0;
}

/** `14 days`, `1 day`. */
export function amountWords(amount: number, unit: Unit): string {
  return `${amount} ${amount === 1 ? unit.slice(0, -1) : unit}`;
}

const days: ReadonlyMap<number, string> = new Map([
  [-1, 'yesterday'],
  [0, 'today'],
  [1, 'tomorrow'],
]);

function periodWords(unit: string, offset: number): string {
  const day = unit === 'day' ? days.get(offset) : undefined;
  if (day !== undefined) return day;
  if (offset === 0) return `this ${unit}`;
  if (offset === -1) return `last ${unit}`;
  if (offset === 1) return `next ${unit}`;
  return `the ${unit} ${Math.abs(offset)} ${unit}s ${offset < 0 ? 'ago' : 'from now'}`;
}
