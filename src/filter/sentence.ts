import { didWords } from './sentence/did.js';
import { fieldWords } from './sentence/field.js';
import { itemWords, textWords } from './sentence/list.js';
import { fieldOf, includedWithout, mayBeMissing } from './sentence/missing.js';
import { timeWords, windowWords } from './sentence/time.js';
import { leavesOf, read } from './tree.js';
import type { Compare, Filter, Leaf, Literal, Reader, Subject, TextOperator } from './tree.js';

/**
 * The whole filter in plain English, such as `role is "admin" and signed_up_at is in the last 30 days`. It says where
 * people without a value are left out where one could think that they are in (`is set and is not`, `is set and is less than`), and
 * where they are included (`not (...), which includes people with no role`).
 */
export function sentence(filter: Filter): string {
  return read(writer, filter, { around: 'alone', held: [] });
}

/** One condition in plain English. */
export function sentenceOf(leaf: Leaf): string {
  return sentence(leaf);
}

interface Place {
  /** What stands around a part; it decides where parentheses are needed. */
  readonly around: 'alone' | 'and' | 'or';
  /** What else has to hold of whoever the part is said. */
  readonly held: readonly Filter[];
}

const writer: Reader<Place, string> = {
  and: ({ operands }, place) => joined('and', operands, place),
  or: ({ operands }, place) => joined('or', operands, place),
  not: ({ operand }, place) => {
    if (operand.kind === 'everyone') return 'nobody';
    if (operand.kind === 'not') return read(writer, operand.operand, place);
    const { around, held } = place;
    const negated = `not (${sentence(operand)})`;
    const included = includedWithout(operand, held);
    if (included === null) return negated;
    const note = `which includes ${isOfEvents(operand) ? 'events' : 'people'} with ${included}`;
    return around === 'alone' ? `${negated}, ${note}` : `${negated} (${note})`;
  },
  everyone: () => 'everyone',
  compare: (leaf, { around }) => {
    const { subject, operator } = leaf;
    if (!open.has(operator) || !mayBeMissing(subject.field))
      return `${subjectWords(subject)} ${comparison(leaf)}`;
    const words = `${subjectWords(subject)} is set and ${comparison(leaf)}`;
    // It has an "and" of its own.
    return around === 'or' ? `(${words})` : words;
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
  percent: ({ salt, low, high }) =>
    `falls in the slice from ${low}% to ${high}% of everybody as drawn by ${textWords(salt)}`,
  did: (leaf, { around }) => {
    if (leaf.where === null) return didWords(leaf);
    // As an operand of "or" whatever has an "and" of its own stands in parentheses; an "or" is given them here.
    const inside = read(writer, leaf.where, { around: 'or', held: [] });
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

function joined(kind: 'and' | 'or', operands: readonly Filter[], place: Place): string {
  const [first, ...rest] = operands;
  if (first !== undefined && rest.length === 0) return read(writer, first, place);
  const { around, held } = place;
  const words = operands
    .map((operand) => {
      const others = kind === 'and' ? operands.filter((other) => other !== operand) : [];
      return read(writer, operand, { around: kind, held: [...held, ...others] });
    })
    .join(` ${kind} `);
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

/** Comparisons that one could think true of people without a value. */
const open: ReadonlySet<Compare['operator']> = new Set(['!=', '<', '<=']);

type Verbs = Readonly<Record<Compare['operator'], (value: string) => string>>;

const plainVerbs: Verbs = {
  '==': (value) => `is ${value}`,
  '!=': (value) => `is not ${value}`,
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
    '<=': (value) => `sorts at or before ${value}`,
    '>': (value) => `sorts after ${value}`,
    '>=': (value) => `sorts at or after ${value}`,
  },
  time: {
    '==': (value) => `is exactly ${value}`,
    '!=': (value) => `is not exactly ${value}`,
    '<': (value) => `is earlier than ${value}`,
    '<=': (value) => `is ${value} at the latest`,
    '>': (value) => `is later than ${value}`,
    '>=': (value) => `is ${value} or later`,
  },
};

function comparison({ operator, value }: Compare): string {
  return verbs[value.type][operator](literalWords(value));
}
