const pattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?)?$/;

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * The one ISO 8601 grammar of Muster, the same as the database's `muster_time`: `YYYY-MM-DD`, or that with `THH:MM`,
 * `THH:MM:SS` or fractions of a second, then nothing, `Z` or `±HH:MM` (up to 15:59). Without an offset it is UTC.
 * Years 0001 to 9999, real calendar dates, hours 00 to 23, no leap second; fractions are cut to milliseconds.
 *
 * @returns milliseconds since 1970 (UTC), or null when the text is not a time. An offset that would carry the
 * instant outside the years 0001 to 9999 is not a time either.
 */
export function parseIso(text: string): number | null {
  // The longest text that can match has an unbounded fraction; a length check keeps hostile ones cheap.
  if (text.length < 10 || text.length > 64) return null;
  const match = pattern.exec(text);
  if (match === null) return null;
  const part = (index: number): number => Number(match[index] ?? 0);
  const year = part(1);
  const month = part(2);
  const day = part(3);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  const hour = part(4);
  const minute = part(5);
  const second = part(6);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const offsetHours = part(9);
  const offsetMinutes = part(10);
  if (offsetHours > 15 || offsetMinutes > 59) return null;
  // Date.UTC reads the years 0 to 99 as 1900 to 1999, so the year is set apart.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, milliseconds);
  const offset = (offsetHours * 60 + offsetMinutes) * 60_000 * (match[8] === '-' ? -1 : 1);
  const instant = date.getTime() - offset;
  return instant < -62_135_596_800_000 || instant > 253_402_300_799_999 ? null : instant;
}

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (monthDays[month - 1] ?? 0);
}
