import { compileGlob } from '../glob.js';
import type { Moment } from '../time.js';
import type { TextMatch, TextOperator } from '../tree.js';
import { foldAscii, readerOf } from '../values.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';

const matchers: { readonly [K in TextOperator]: (text: string) => (seen: string) => boolean } = {
  contains: (text) => (seen) => seen.includes(text),
  starts_with: (text) => (seen) => seen.startsWith(text),
  ends_with: (text) => (seen) => seen.endsWith(text),
  matches: compileGlob,
};

/** `contains` `starts_with` `ends_with`, where no character is a wildcard, and `matches`. Nothing but text matches. */
export function textMatch({ operator, subject, text }: TextMatch, moment: Moment): Compiled {
  const { field, lower } = subject;
  if (!canHold(field, 'text')) return never;
  const value = readerOf(field, moment);
  const matches = matchers[operator](text);
  if (lower) {
    return {
      test: (user) => {
        const seen = value(user);
        return typeof seen === 'string' && matches(foldAscii(seen));
      },
      cost: cost.search + cost.fold,
    };
  }
  return {
    test: (user) => {
      const seen = value(user);
      return typeof seen === 'string' && matches(seen);
    },
    cost: cost.search,
  };
}
