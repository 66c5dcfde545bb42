import { IANAZone } from 'luxon';

/** Longer than every zone's name, so that arbitrary text costs nothing. */
export const longestZone = 64;

const offsetForm = /^(?:utc|gmt)?\s*([+\-\u2212])\s*(\d{1,2})(?::?([0-5]\d))?$/i;
/** As Windows, Rails and many sign-up forms write zones: the offset first, then cities. */
const labelForm = /^\(\s*((?:utc|gmt)(?:\s*[+\-\u2212]\s*\d{1,2}(?::?[0-5]\d)?)?)\s*\)/i;

/**
 * The one reading of a text that names a zone: what luxon calls it, or null. An IANA name is taken in any letter case; an
 * offset (`+02:00`, `UTC+2`, `GMT+2`, `(GMT+01:00) Amsterdam`) becomes `UTC+2`, which has no daylight saving time. Blanks
 * around it do not count.
 */
export function readZone(text: string): string | null {
  if (text.length > 2 * longestZone) return null;
  const name = text.trim();
  if (name === '' || name.length > longestZone) return null;
  const label = labelForm.exec(name)?.[1]?.trim();
  const written = label ?? name;
  if (/^(?:utc|gmt|z)$/i.test(written)) return 'UTC';
  const offset = offsetForm.exec(written);
  if (offset !== null) return offsetName(offset[1] ?? '', offset[2] ?? '', offset[3] ?? '00');
  // Newer engines take offsets for names: which are zones must not depend on the engine.
  if (/^[+\-\u2212(]/.test(name)) return null;
  return IANAZone.isValidZone(name) ? name : null;
}

/** The clocks of the world are between 12 hours behind UTC and 14 ahead of it. */
function offsetName(sign: string, hours: string, minutes: string): string | null {
  const size = Number(hours) * 60 + Number(minutes);
  const isAhead = sign === '+';
  if (size > (isAhead ? 14 : 12) * 60) return null;
  if (size === 0) return 'UTC';
  const rest = minutes === '00' ? '' : `:${minutes}`;
  return `UTC${isAhead ? '+' : '-'}${Number(hours)}${rest}`;
}
