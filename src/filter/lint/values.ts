import { complementRanges, allNumbers, intersectRanges, noNumber, uniteRanges } from './ranges.js';
import type { Ranges } from './ranges.js';

/** Texts: these alone, or all but these. */
export interface Texts {
  readonly but: boolean;
  readonly items: ReadonlySet<string>;
}

/**
 * A set of the values that a field can have. Whatever a value is, it is in exactly one part: missing, a text that is a time
 * (as it is stored), another text, a number, a boolean, or something else.
 */
export interface Values {
  readonly missing: boolean;
  readonly text: Texts;
  readonly time: Ranges;
  readonly number: Ranges;
  readonly boolean: ReadonlySet<boolean>;
  readonly other: boolean;
}

export const allTexts: Texts = { but: true, items: new Set() };
export const noText: Texts = { but: false, items: new Set() };
const bothBooleans: ReadonlySet<boolean> = new Set([true, false]);

export const everyValue: Values = {
  missing: true,
  text: allTexts,
  time: allNumbers,
  number: allNumbers,
  boolean: bothBooleans,
  other: true,
};
export const noValue: Values = {
  missing: false,
  text: noText,
  time: noNumber,
  number: noNumber,
  boolean: new Set(),
  other: false,
};

export function isNothing({ missing, text, time, number, boolean, other }: Values): boolean {
  const noTexts = !text.but && text.items.size === 0;
  return !missing && noTexts && time.length + number.length + boolean.size === 0 && !other;
}

export function complement(values: Values): Values {
  return {
    missing: !values.missing,
    text: { but: !values.text.but, items: values.text.items },
    time: complementRanges(values.time),
    number: complementRanges(values.number),
    boolean: new Set([...bothBooleans].filter((each) => !values.boolean.has(each))),
    other: !values.other,
  };
}

export function intersect(a: Values, b: Values): Values {
  return {
    missing: a.missing && b.missing,
    text: intersectTexts(a.text, b.text),
    time: intersectRanges(a.time, b.time),
    number: intersectRanges(a.number, b.number),
    boolean: new Set([...a.boolean].filter((each) => b.boolean.has(each))),
    other: a.other && b.other,
  };
}

export function unite(a: Values, b: Values): Values {
  return {
    missing: a.missing || b.missing,
    text: uniteTexts(a.text, b.text),
    time: uniteRanges(a.time, b.time),
    number: uniteRanges(a.number, b.number),
    boolean: new Set([...a.boolean, ...b.boolean]),
    other: a.other || b.other,
  };
}

function intersectTexts(a: Texts, b: Texts): Texts {
  if (a.but && b.but) return { but: true, items: new Set([...a.items, ...b.items]) };
  const [some, others] = a.but ? [b, a] : [a, b];
  return {
    but: false,
    items: new Set([...some.items].filter((item) => others.items.has(item) !== others.but)),
  };
}

function uniteTexts(a: Texts, b: Texts): Texts {
  const { but, items } = intersectTexts({ but: !a.but, items: a.items }, { but: !b.but, items: b.items });
  return { but: !but, items };
}
