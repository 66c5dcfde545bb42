import { readEpoch, readTime } from '../../traits/import/cells/times.js';

/**
 * A time in any form that has one meaning, as ISO 8601: that itself, what databases write in its place, seconds or
 * milliseconds since 1970 as number or text, and the time of an HTTP header. Null for all else.
 */
export function isoOf(value: unknown): string | null {
  if (typeof value === 'number') return readEpoch(String(value));
  if (typeof value !== 'string') return null;
  const text = value.trim();
  return readTime(text, null) ?? readEpoch(text) ?? headerTime(text);
}

/** `Mon, 05 Jan 2026 10:00:00 GMT`. What is written otherwise, or names a day that is not there, comes back changed. */
function headerTime(text: string): string | null {
  const date = new Date(text.endsWith(' GMT') ? text : Number.NaN);
  return date.toUTCString() === text ? date.toISOString() : null;
}
