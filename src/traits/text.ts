import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { described } from '../filter/parse/context.js';
import { textFault } from './json.js';

/**
 * Checks a short text of a caller: 1 to `limit` bytes that can be stored. `under` is the pointer of the object that holds it.
 * Error: `bad_label`.
 */
export function collectText(
  key: string,
  value: unknown,
  problems: Problem[],
  limit: number,
  under = '',
): void {
  const got = faultOf(value, limit);
  if (got === null) return;
  const expected = `text of 1 to ${limit} bytes`;
  problems.push(problem('bad_label', { key, expected, got }, { path: `${under}/${key}` }));
}

function faultOf(value: unknown, limit: number): string | null {
  if (typeof value !== 'string') return described(value);
  if (value.trim() === '') return 'an empty text';
  const fault = textFault(value);
  if (fault !== null) return `a text with ${fault}`;
  const count = Buffer.byteLength(value);
  return count > limit ? `${count} bytes` : null;
}
