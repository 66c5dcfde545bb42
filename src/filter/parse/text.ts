import { limits } from '../limits.js';
import { described, report } from './context.js';
import type { Context, Place } from './context.js';

/** Whether a text can be stored and compared; reports the one thing that is wrong with it. */
export function isSoundText(text: string, path: string, context: Context): boolean {
  // A text of more UTF-16 units than the limit has more bytes too, so the cheap test saves counting a hostile one.
  if (text.length > limits.textBytes / 3) {
    const count = Buffer.byteLength(text, 'utf8');
    if (count > limits.textBytes) {
      report(context, 'text_too_long', path, { count, limit: limits.textBytes });
      return false;
    }
  }
  if (text.includes('\u0000')) {
    report(context, 'bad_text', path, { what: 'the character NUL (U+0000)' });
    return false;
  }
  if (!text.isWellFormed()) {
    report(context, 'bad_text', path, { what: 'half of a surrogate pair' });
    return false;
  }
  return true;
}

/** A name that is not empty, such as an event's; reports what else was written in its place. */
export function nameAt(
  value: unknown,
  path: string,
  expected: string,
  place: Place,
  context: Context,
): string | null {
  if (typeof value === 'string' && value !== '') return isSoundText(value, path, context) ? value : null;
  const got = value === '' ? 'an empty text' : described(value);
  const values = { operator: place.operator, expected, got };
  return report(context, 'literal_expected', path, values, `write ${place.example}`);
}
