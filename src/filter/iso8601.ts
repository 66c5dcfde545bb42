/** Start of year 1 and end of year 9999, in milliseconds since 1970 (UTC): every instant lies between them, both included. */
export const firstInstant = -62_135_596_800_000;
export const lastInstant = 253_402_300_799_999;

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Milliseconds of 400 years, after which the calendar repeats itself. */
const fourCenturies = 146_097 * 86_400_000;

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
  const year = pair(text, 0) * 100 + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  if (!(year >= 1) || text[4] !== '-' || text[7] !== '-') return null;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return null;
  const time = text.length === 10 ? 0 : timeIn(text);
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; the calendar is the same 400 years later.
  const instant = Date.UTC(year + 400, month - 1, day) - fourCenturies + time;
  return instant >= firstInstant && instant <= lastInstant ? instant : null;
}

/** Milliseconds from the date's midnight in UTC to the time that follows it; NaN where what follows is none. */
function timeIn(text: string): number {
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  if (text[10] !== 'T' || text[13] !== ':' || !(hour <= 23 && minute <= 59)) return Number.NaN;
  let time = (hour * 60 + minute) * 60_000;
  let at = 16;
  if (text[at] === ':') {
    const second = pair(text, 17);
    if (!(second <= 59)) return Number.NaN;
    time += second * 1000;
    at = 19;
    if (text[at] === '.') {
      const end = digitsEnd(text, at + 1);
      if (end === at + 1) return Number.NaN;
      time += Number(`${text.slice(at + 1, end)}00`.slice(0, 3));
      at = end;
    }
  }
  if (at === text.length) return time;
  if (text[at] === 'Z') return at + 1 === text.length ? time : Number.NaN;
  const hours = pair(text, at + 1);
  const minutes = pair(text, at + 4);
  const isOffset = (text[at] === '+' || text[at] === '-') && text[at + 3] === ':' && at + 6 === text.length;
  if (!isOffset || !(hours <= 15 && minutes <= 59)) return Number.NaN;
  return time - (hours * 60 + minutes) * 60_000 * (text[at] === '-' ? -1 : 1);
}

/** The number that two digits are; NaN where there are not two. By hand, because a matched pattern is ten texts more. */
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function digitsEnd(text: string, from: number): number {
  let end = from;
  while (text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return end;
}

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (monthDays[month - 1] ?? 0);
}
