import { admittedBetween, admittedBy, equalTimes } from '../admitted.js';
import type { Admitted } from '../admitted.js';
import { nameOf } from '../fields.js';
import type { Field } from '../fields.js';
import { parseIso } from '../iso8601.js';
import type { Moment } from '../time.js';
import type { Between, Compare, CompareOperator, LeafKind, NodeOf, OneOf } from '../tree.js';
import { foldAscii } from '../values.js';
import { countSubject } from './counts.js';
import {
  allNumbers,
  between,
  complementRanges,
  intersectRanges,
  point,
  points,
  uniteRanges,
} from './ranges.js';
import type { Ranges } from './ranges.js';
import { allTexts, everyValue, intersect, noValue, unite } from './values.js';
import type { Texts, Values } from './values.js';

/**
 * What a leaf says about one subject, between two bounds: of all the values for which it is true none lies outside `most`, and
 * for all in `least` it is true. Two leaves with one subject ask about the same value of each person.
 */
export interface Accepts {
  readonly subject: string;
  readonly most: Values;
  readonly least: Values;
}

/** What each kind of leaf accepts at that moment. A kind of which nothing is known says so by `most` everything, `least` nothing. */
export const accepts: { readonly [K in LeafKind]: (leaf: NodeOf<K>, moment: Moment) => Accepts } = {
  everyone: () => exactly('everyone', everyValue),
  compare: (leaf, moment) => ofComparison(leaf, (field, lower) => ofCompare(leaf, field, lower, moment)),
  between: (leaf, moment) => ofComparison(leaf, (field) => ofBetween(leaf, field, moment)),
  in: (leaf, moment) => ofComparison(leaf, (field, lower) => oneOf(leaf, field, lower, moment)),
  text: ({ operator, subject, text }) => ({
    subject: subjectOf(subject.field, subject.lower),
    most: subject.lower && !isFolded(text) ? noValue : { ...noValue, text: allTexts, time: allNumbers },
    // An empty pattern is no part of every text: it is the empty text alone.
    least: text === '' && operator !== 'matches' ? { ...noValue, text: allTexts } : noValue,
  }),
  has: ({ field }) => ({
    subject: nameOf(field),
    most: { ...noValue, text: allTexts, time: allNumbers, other: true },
    least: noValue,
  }),
  presence: ({ operator, field }) => {
    const missing = operator === 'missing';
    const present = { ...everyValue, missing: false };
    return exactly(nameOf(field), missing ? { ...noValue, missing } : present);
  },
  percent: ({ salt, low, high }) => {
    const slice = { ...noValue, number: between(low, high, true, false) };
    // Everybody has an id, and so a place: what is none stands for nobody.
    return { subject: `percent:${salt}`, most: slice, least: unite(slice, notPlaces) };
  },
  did: (leaf) => {
    const { count } = leaf;
    const whole = { ...noValue, number: satisfying(count.operator, count.value) };
    // No count is negative, and none is missing: whatever is no count stands for nobody.
    const counts = { ...noValue, number: between(0, Infinity, true, false) };
    return { subject: countSubject(leaf), most: intersect(whole, counts), least: unite(whole, notCounts) };
  },
  segment: ({ key }) => exactly(`segment:${key}`, { ...noValue, boolean: new Set([true]) }),
};

const notCounts: Values = {
  ...everyValue,
  number: between(-Infinity, 0, false, false),
};

const notPlaces: Values = {
  ...everyValue,
  number: complementRanges(between(0, 100, true, false)),
};

function exactly(subject: string, values: Values): Accepts {
  return { subject, most: values, least: values };
}

type Bounds = Pick<Accepts, 'most' | 'least'>;

function ofComparison(
  { subject: { field, lower } }: Compare | Between | OneOf,
  bounds: (field: Field, lower: boolean) => Bounds,
): Accepts {
  return { subject: subjectOf(field, lower), ...bounds(field, lower) };
}

/** Whether a text can be what `lower` makes of a value. */
export function isFolded(text: string): boolean {
  return foldAscii(text) === text;
}

/** A text in lower case is another value than the text, of which nothing is concluded. */
function subjectOf(field: Field, lower: boolean): string {
  return lower ? `lower:${nameOf(field)}` : nameOf(field);
}

function ofCompare(leaf: Compare, field: Field, lower: boolean, moment: Moment): Bounds {
  const { operator, value } = leaf;
  if (operator === '==') return oneOf({ items: [value] }, field, lower, moment);
  if (value.type === 'number') return same({ ...noValue, number: satisfying(operator, value.value) });
  if (value.type === 'time') {
    const { value: time } = value;
    const ranges =
      operator === '!='
        ? complementRanges(milliseconds(equalTimes([time], field, moment)))
        : rangesOf(admittedBy(operator, time, field, moment));
    return same(timesOf(field, ranges));
  }
  if (operator !== '!=') return someText;
  if (value.type === 'boolean') return same({ ...noValue, boolean: new Set([!value.value]) });
  const but: Texts = { but: true, items: new Set([value.value]) };
  const isTime = parseIso(value.value) !== null;
  return {
    most: { ...noValue, text: but, time: allNumbers },
    // Of texts that are times only the instant is known, so that of another writing nothing is.
    least: { ...noValue, text: but, time: isTime ? [] : allNumbers },
  };
}

function oneOf({ items }: Pick<OneOf, 'items'>, field: Field, lower: boolean, moment: Moment): Bounds {
  const written = items.flatMap((item) => (item.type === 'text' ? [item.value] : []));
  const texts = lower ? written.filter(isFolded) : written;
  const asTimes = lower ? [] : texts.flatMap((text) => parseIso(text) ?? []);
  const times = items.flatMap((item) => (item.type === 'time' ? [item.value] : []));
  const least: Values = {
    ...noValue,
    text: { but: false, items: new Set(texts.filter((text) => lower || parseIso(text) === null)) },
    number: points(items.flatMap((item) => (item.type === 'number' ? [item.value] : []))),
    boolean: new Set(items.flatMap((item) => (item.type === 'boolean' ? [item.value] : []))),
    time: timesOf(field, milliseconds(equalTimes(times, field, moment))).time,
  };
  // An instant can be written in many ways, of which a text names one.
  return { most: { ...least, time: uniteRanges(least.time, milliseconds(asTimes)) }, least };
}

function ofBetween({ low, high }: Between, field: Field, moment: Moment): Bounds {
  if (low.type === 'number' && high.type === 'number')
    return same({ ...noValue, number: between(low.value, high.value) });
  if (low.type === 'time' && high.type === 'time') {
    return same(timesOf(field, rangesOf(admittedBetween(low.value, high.value, field, moment))));
  }
  return low.type === 'text' && high.type === 'text' ? someText : same(noValue);
}

/** Texts in an order: some of them, nobody looks which. */
const someText: Bounds = { most: { ...noValue, text: allTexts, time: allNumbers }, least: noValue };

/** Only a time column, and a text that is written as a time, has an instant. */
function timesOf(field: Field, time: Ranges): Values {
  return field.kind === 'custom' || field.type === 'time' ? { ...noValue, time } : noValue;
}

/** Times are told apart to the millisecond, so that each is all of one. */
function milliseconds(times: readonly number[]): Ranges {
  return [...new Set(times)]
    .toSorted((a, b) => a - b)
    .flatMap((time) => between(time, time + 1, true, false));
}

function rangesOf({ from, to, also, without }: Admitted): Ranges {
  const range = between(from, to, from > -Infinity, false);
  const cut = intersectRanges(range, complementRanges(milliseconds(without)));
  return uniteRanges(cut, milliseconds(also));
}

function same(values: Values): Bounds {
  return { most: values, least: values };
}

function satisfying(operator: CompareOperator, value: number): Ranges {
  return comparisons[operator](value);
}

const comparisons: Readonly<Record<CompareOperator, (value: number) => Ranges>> = {
  '==': point,
  '!=': (value) => complementRanges(point(value)),
  '<': (value) => between(-Infinity, value, false, false),
  '<=': (value) => between(-Infinity, value, false, true),
  '>': (value) => between(value, Infinity, false, false),
  '>=': (value) => between(value, Infinity, true, false),
};
