import { didWords } from './sentence/did.js';
import { fieldWords } from './sentence/field.js';
import { itemWords, textWords } from './sentence/list.js';
import { fieldOf, includedWithout } from './sentence/missing.js';
import { timeWords, windowWords } from './sentence/time.js';
import { leavesOf, read } from './tree.js';
import type { Compare, Filter, Leaf, Literal, Reader, Subject, TextOperator } from './tree.js';

/**
 * The whole filter in plain English, such as `role is "admin" and signed_up_at is in the last 30 days`. It says where
 * people without a value are left out (`is set and is not`) or included (`not (...), which includes people with no role`).
 */
export function sentence(filter: Filter): string {
  return read(writer, filter, 'alone');
}

/** One condition in plain English. */
export function sentenceOf(leaf: Leaf): string {
  return sentence(leaf);
}

/** What stands around a part; it decides where parentheses are needed. */
type Around = 'alone' | 'and' | 'or';

const writer: Reader<Around, string> = {
  and: ({ operands }, around) => joined('and', operands, around),
  or: ({ operands }, around) => joined('or', operands, around),
  not: ({ operand }, around) => {
    if (operand.kind === 'everyone') return 'nobody';
    const negated = `not (${sentence(operand)})`;
    const included = includedWithout(operand);
    if (included === null) return negated;
    const note = `which includes ${isOfEvents(operand) ? 'events' : 'people'} with ${included}`;
    return around === 'alone' ? `${negated}, ${note}` : `${negated} (${note})`;
  },
  everyone: () => 'everyone',
  compare: (leaf, around) => {
    const words = `${subjectWords(leaf.subject)} ${comparison(leaf)}`;
    // "is set and is not" has an "and" of its own.
    return leaf.operator === '!=' && around === 'or' ? `(${words})` : words;
  },
  in: ({ subject, items }) => {
    const [first, ...rest] = items.map(literalWords);
    const list = rest.length === 0 ? `${first}` : `one of ${itemWords(items.map(literalWords), 'or')}`;
    return `${subjectWords(subject)} is ${list}`;
  },
  between: ({ subject, low, high }) => {
    const window = low.type === 'time' && high.type === 'time' ? windowWords(low.value, high.value) : null;
    const ends = `between ${literalWords(low)} and ${literalWords(high)}`;
    return `${subjectWords(subject)} is ${window ?? ends}`;
  },
  text: ({ operator, subject, text }) => `${subjectWords(subject)} ${textVerbs[operator]} ${textWords(text)}`,
  has: ({ operator, field, items }) => {
    const list = items.map(literalWords);
    if (list.length === 1) return `${fieldWords(field)} includes ${list.join('')}`;
    return operator === 'has_all'
      ? `${fieldWords(field)} includes all of ${itemWords(list, 'and')}`
      : `${fieldWords(field)} includes any of ${itemWords(list, 'or')}`;
  },
  presence: ({ operator, field }) => `${fieldWords(field)} is ${operator === 'exists' ? 'set' : 'not set'}`,
  percent: ({ salt, low, high }) => `falls in the slice from ${low}% to ${high}% of ${textWords(salt)}`,
  did: (leaf, around) => {
    if (leaf.where === null) return didWords(leaf);
    // As an operand of "or" whatever has an "and" of its own stands in parentheses; an "or" is given them here.
    const inside = read(writer, leaf.where, 'or');
    const isList = leaf.where.kind === 'or' && leaf.where.operands.length > 1;
    const words = `${didWords(leaf)} where ${isList ? `(${inside})` : inside}`;
    return around === 'alone' ? words : `(${words})`;
  },
  segment: ({ key }) => `is in the segment ${textWords(key)}`,
};

/** Whether a filter stands inside the `where` of `did`: all of its fields are then properties. */
function isOfEvents(filter: Filter): boolean {
  return leavesOf(filter).some(({ leaf }) => fieldOf(leaf)?.entity === 'event');
}

function joined(kind: 'and' | 'or', operands: readonly Filter[], around: Around): string {
  const [first, ...rest] = operands;
  if (first !== undefined && rest.length === 0) return read(writer, first, around);
  const words = operands.map((operand) => read(writer, operand, kind)).join(` ${kind} `);
  return around === 'alone' || around === kind ? words : `(${words})`;
}

function subjectWords(subject: Subject): string {
  return subject.lower ? `${fieldWords(subject.field)} in lower case` : fieldWords(subject.field);
}

function literalWords(literal: Literal): string {
  if (literal.type === 'time') return timeWords(literal.value);
  return literal.type === 'text' ? textWords(literal.value) : String(literal.value);
}

const textVerbs: Readonly<Record<TextOperator, string>> = {
  contains: 'contains',
  starts_with: 'starts with',
  ends_with: 'ends with',
  matches: 'matches',
};

type Verbs = Readonly<Record<Compare['operator'], (value: string) => string>>;

const plainVerbs: Verbs = {
  '==': (value) => `is ${value}`,
  '!=': (value) => `is set and is not ${value}`,
  '<': (value) => `is less than ${value}`,
  '<=': (value) => `is at most ${value}`,
  '>': (value) => `is more than ${value}`,
  '>=': (value) => `is at least ${value}`,
};

const verbs: Readonly<Record<Literal['type'], Verbs>> = {
  number: plainVerbs,
  boolean: plainVerbs,
  text: {
    ...plainVerbs,
    '<': (value) => `sorts before ${value}`,
    '<=': (value) => `is ${value} or sorts before it`,
    '>': (value) => `sorts after ${value}`,
    '>=': (value) => `is ${value} or sorts after it`,
  },
  time: {
    '==': (value) => `is exactly ${value}`,
    '!=': (value) => `is set and is not exactly ${value}`,
    '<': (value) => `is earlier than ${value}`,
    '<=': (value) => `is ${value} or earlier`,
    '>': (value) => `is later than ${value}`,
    '>=': (value) => `is ${value} or later`,
  },
};

function comparison({ operator, value }: Compare): string {
  return verbs[value.type][operator](literalWords(value));
}
