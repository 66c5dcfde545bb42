/**
 * `Retry-After` in milliseconds from `now` (milliseconds since 1970), never negative; null where it is missing or
 * unreadable.
 */
export function retryAfter(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000;
  // `Date.parse` takes much that is no HTTP date, and reads a time without GMT in the zone of this machine.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, .* GMT$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
