import { admittedBetween } from '../admitted.js';
import type { Moment } from '../time.js';
import type { Between } from '../tree.js';
import { foldAscii, readerOf } from '../values.js';
import { textOrder } from './compare.js';
import { canHold, cost, never } from './compiled.js';
import type { Compiled } from './compiled.js';
import { numbersIn, timesIn } from './range.js';

/** `between`, both ends included. Ends the wrong way round admit nobody. */
export function between({ subject, low, high }: Between, moment: Moment): Compiled {
  const { field, lower } = subject;
  if (low.type !== high.type || !canHold(field, low.type)) return never;
  if (low.type === 'number' && high.type === 'number') {
    return numbersIn(field, { low: low.value, high: high.value }, moment);
  }
  if (low.type === 'time' && high.type === 'time') {
    return timesIn(field, admittedBetween(low.value, high.value, field, moment), moment);
  }
  if (low.type === 'text' && high.type === 'text') {
    const value = readerOf(field, moment);
    const fromLow = textOrder('>=', low.value);
    const toHigh = textOrder('<=', high.value);
    const fold = lower ? foldAscii : (text: string): string => text;
    return {
      test: (user) => {
        const seen = value(user);
        if (typeof seen !== 'string') return false;
        const text = fold(seen);
        return fromLow(text) && toHigh(text);
      },
      cost: lower ? cost.fold : cost.column,
    };
  }
  return never;
}
