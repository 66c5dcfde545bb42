import type { Moment } from '../time.js';
import type { Has, ScalarLiteral } from '../tree.js';
import { readerOf, splitList } from '../values.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';

/**
 * `has` `has_any` `has_all`: items of a list by type and value, or of a text split at commas. A number or boolean is
 * no item of a text: `has_all` with one never matches a text.
 */
export function has({ operator, field, items }: Has, moment: Moment): Compiled {
  if (!canHold(field, 'text')) return never;
  const value = readerOf(field, moment);
  const [first] = items;
  if (first === undefined) return never;
  if (items.length === 1) {
    const wanted = first.value;
    const inText = textHas(first);
    return {
      test: (user) => {
        const seen = value(user);
        return typeof seen === 'string' ? inText(seen) : Array.isArray(seen) && seen.includes(wanted);
      },
      cost: cost.list,
    };
  }
  const wanted = new Set<unknown>(items.map((item) => item.value));
  const every = operator === 'has_all';
  const holds = every
    ? (list: readonly unknown[]): boolean => includesAll(list, wanted)
    : (list: readonly unknown[]): boolean => list.some((item) => wanted.has(item));
  return {
    test: (user) => {
      const seen = value(user);
      if (typeof seen === 'string') return holds(splitList(seen));
      return Array.isArray(seen) && holds(seen);
    },
    cost: cost.list * 2,
  };
}

function includesAll(list: readonly unknown[], wanted: ReadonlySet<unknown>): boolean {
  const found = new Set<unknown>();
  for (const item of list) if (wanted.has(item)) found.add(item);
  return found.size === wanted.size;
}

/** Whether a comma-separated text has the one item, without taking the text apart. */
function textHas({ type, value: wanted }: ScalarLiteral): (text: string) => boolean {
  if (type !== 'text') return () => false;
  // An item has no comma and no space at its ends; the search below takes both for granted. Empty items need the split.
  if (wanted.includes(',') || wanted.startsWith(' ') || wanted.endsWith(' ')) return () => false;
  if (wanted === '') return (text) => splitList(text).includes('');
  return (text) => {
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
      if (startsItem(text, at) && endsItem(text, at + wanted.length)) return true;
    }
    return false;
  };
}

function startsItem(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && text.charCodeAt(before) === 0x20) before -= 1;
  return before < 0 || text.charCodeAt(before) === 0x2c;
}

function endsItem(text: string, at: number): boolean {
  let after = at;
  while (after < text.length && text.charCodeAt(after) === 0x20) after += 1;
  return after === text.length || text.charCodeAt(after) === 0x2c;
}
