import type { Count, Did } from '../tree.js';
import { plainOrQuoted } from './field.js';
import { amountWords } from './time.js';

/** `did trial_started at least 3 times in the last 14 days`, without what stands in `where`. */
export function didWords({ event, count, within }: Did): string {
  const name = plainOrQuoted(event);
  const often = isNever(count) ? `never did ${name}` : `did ${name}${countWords(count)}`;
  if (within === null) return often;
  return `${often} ${within.amount === 0 ? 'right now' : `in the last ${amountWords(within.amount, within.unit)}`}`;
}

function isNever({ operator, value }: Count): boolean {
  return value === 0 ? operator === '==' || operator === '<=' : value === 1 && operator === '<';
}

function countWords({ operator, value }: Count): string {
  const once = value === 0 ? operator === '>' || operator === '!=' : value === 1 && operator === '>=';
  if (once) return '';
  return ` ${words[operator](timesWords(value))}${withNever({ operator, value }) ? ' (or never)' : ''}`;
}

/** Whether whoever never did it is among them. */
function withNever({ operator, value }: Count): boolean {
  if (operator === '<' || operator === '<=' || operator === '!=') return true;
  return operator === '>=' && value === 0;
}

const words: Readonly<Record<Count['operator'], (times: string) => string>> = {
  '==': (times) => `exactly ${times}`,
  '!=': (times) => `any number of times but ${times}`,
  '<': (times) => `less often than ${times}`,
  '<=': (times) => `at most ${times}`,
  '>': (times) => `more often than ${times}`,
  '>=': (times) => `at least ${times}`,
};

function timesWords(value: number): string {
  if (value === 1) return 'once';
  return value === 2 ? 'twice' : `${value} times`;
}
