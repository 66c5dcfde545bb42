import { child, described, isList, report } from './context.js';
import { numberAt } from './literal.js';
import type { OperandParser } from './operands.js';
import { isSoundText } from './text.js';

/** `["salt", low, high]`, the slice `[low, high)` of a hundred. */
export const percent: OperandParser = (operands, place, context) => {
  const fail = (path: string, got: string): null => report(context, 'bad_percent', path, { got });
  if (!isList(operands) || operands.length !== 3) return fail(place.at, described(operands));
  const [salt, low, high] = operands;
  const bound = (value: unknown, index: number): number | null => {
    const path = child(place.at, index);
    if (typeof value !== 'number' || value < 0 || value > 100) return fail(path, described(value));
    const number = numberAt(value, path, context);
    return number?.type === 'number' ? number.value : null;
  };
  const isText = typeof salt === 'string';
  if (!isText) fail(child(place.at, 0), described(salt));
  const sound = isText && isSoundText(salt, child(place.at, 0), context);
  const from = bound(low, 1);
  const to = bound(high, 2);
  if (from === null || to === null) return null;
  if (from >= to) return fail(place.at, `${from} as low and ${to} as high`);
  return sound ? { kind: 'percent', path: place.path, salt, low: from, high: to } : null;
};
