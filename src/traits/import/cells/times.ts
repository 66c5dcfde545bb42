import { parseIso } from '../../../filter/iso8601.js';

/** The order of day, month and year in dates that are not ISO 8601. */
export type DateOrder = 'dmy' | 'mdy' | 'ymd';

const stored =
  /^(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?: ?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?))?$/;
const ordered =
  /^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([ap])\.?m\.?)?)?$/i;

/**
 * A date or time as ISO 8601, a day without a time as a day: ISO 8601 as it is, what databases write in its place
 * (`2026-02-01 10:00:00.123+00`), and, where the order is given, what people write. Null for all else: nothing is guessed.
 */
export function readTime(cell: string, order: DateOrder | null): string | null {
  const first = cell.charCodeAt(0);
  if (first < 48 || first > 57 || cell.length < 6 || cell.length > 64) return null;
  if (parseIso(cell) !== null) return cell;
  const iso = fromStored(cell) ?? (order === null ? null : fromOrdered(cell, order));
  return iso !== null && parseIso(iso) !== null ? iso : null;
}

// With a year of four digits: of two, no order tells which part it is.
const unread = /^(?:\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2\d{4})(?![^\s,T])/;

/** Whether the cell is a date that an order of day, month and year would read. */
export function isUnreadDate(cell: string): boolean {
  const first = cell.charCodeAt(0);
  if (first < 48 || first > 57) return false;
  return unread.test(cell) && readTime(cell, null) === null;
}

function fromStored(cell: string): string | null {
  const [, date, time = '', offset = 'Z'] = stored.exec(cell) ?? [];
  if (date === undefined) return null;
  return `${date}T${time.padStart(time.indexOf(':') === 1 ? time.length + 1 : 0, '0')}${isoOffset(offset)}`;
}

function isoOffset(offset: string): string {
  if (!/^[+-]/.test(offset)) return 'Z';
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0');
  return `${offset[0] ?? '+'}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

const places = { dmy: [2, 1, 0], mdy: [2, 0, 1], ymd: [0, 1, 2] } as const;

function fromOrdered(cell: string, order: DateOrder): string | null {
  const found = ordered.exec(cell);
  if (found === null) return null;
  const parts = [found[1], found[3], found[4]];
  const [year, month, day] = places[order].map((at) => parts[at] ?? '');
  if (year?.length !== 4) return null;
  const date = `${year}-${two(month)}-${two(day)}`;
  const hour = found[5];
  if (hour === undefined) return date;
  return `${date}T${two(hourOf(Number(hour), found[8]))}:${found[6] ?? '00'}:${found[7] ?? '00'}Z`;
}

/** An hour of a clock with two halves; one that is none, such as `13 pm`, becomes an hour that no day has. */
function hourOf(hour: number, half: string | undefined): string {
  if (half === undefined) return String(hour);
  if (hour < 1 || hour > 12) return '99';
  return String((hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0));
}

const two = (text: string | undefined): string => (text ?? '').padStart(2, '0');

/** Seconds or milliseconds since 1970 from 1973 on, as ISO 8601; smaller numbers may be anything. */
export function readEpoch(cell: string): string | null {
  const seconds = /^(\d{9,10})(?:\.\d+)?$/.test(cell);
  if (!seconds && !/^\d{12,13}$/.test(cell)) return null;
  return new Date(Math.trunc(Number(cell) * (seconds ? 1000 : 1))).toISOString();
}
