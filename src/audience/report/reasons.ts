import { columns, nameOf } from '../../filter/fields.js';
import type { ColumnName, Field } from '../../filter/fields.js';
import type { Failure } from '../../filter/explain/reason.js';
import { fieldWords } from '../../filter/sentence/field.js';
import type { Leaf, Literal } from '../../filter/tree.js';
import { nearest } from '../../filter/parse/suggest.js';
import { foldAscii } from '../../filter/values.js';
import type { FieldValues } from '../statements/values.js';
import type { Examples } from './examples.js';
import type { Suggestion } from './suggestion.js';
import { grouped, have, peopleWords, quoted } from './words.js';

/** People who fail one leaf for one reason. */
export interface Failing {
  readonly leaf: Leaf;
  /** What the leaf asks about; null for `did`, `percent` and `everyone`. */
  readonly field: Field | null;
  readonly people: number;
  /** Whether they are the whole workspace. */
  readonly everybody: boolean;
  readonly examples: Examples;
  /** The values of the field that do not pass the leaf. */
  readonly values: FieldValues | undefined;
  /** How many more would match if they passed the leaf. */
  readonly gain: number;
}

type Writer = (failing: Failing) => Suggestion[];

/** What is said about each reason, in the order in which it is said. */
export const reasonWriters: readonly (readonly [Failure, Writer])[] = [
  ['case_mismatch', letterCase],
  ['missing', missing],
  ['type_mismatch', otherType],
  ['unparsable_time', notATime],
  ['outside_window', outsideWindow],
  ['different', otherValue],
];

/** Asking in lower case turns exactly these people. */
function letterCase({ leaf, field, people, examples, gain }: Failing): Suggestion[] {
  if (field === null) return [];
  const name = fieldWords(field);
  const seen = examples.first.map(quoted);
  const what = examples.isAll ? seen.join(' or ') : `values such as ${seen.join(', ')}`;
  const folded = 'subject' in leaf && leaf.subject.lower;
  const remedy =
    leaf.kind === 'has'
      ? 'Letter case counts: ask for the items as they are sent, or send them alike.'
      : folded
        ? 'The value is folded to lower case and the text asked for is not: write it in lower case.'
        : `Letter case counts: wrap the field in "lower" and write the text in lower case, or send ${quoted(name)} in one letter case.`;
  const text = `${peopleWords(people)} ${have(people)} ${what} as ${quoted(name)}. ${remedy}`;
  return [{ path: leaf.path, code: 'letter_case', text, people, gain, exact: true }];
}

function missing(failing: Failing): Suggestion[] {
  const { leaf, field, people, everybody, gain } = failing;
  if (leaf.kind === 'did') {
    const who = everybody ? 'Nobody ever did' : `${peopleWords(people)} never did`;
    const text = `${who} ${quoted(leaf.event)}. Send it with track; an event's name is compared letter by letter.`;
    return [{ path: leaf.path, code: 'send_event', text, people, gain, exact: false }];
  }
  if (field === null) return [];
  const name = nameOf(field);
  const about = { path: leaf.path, people, gain, exact: false };
  if (field.entity === 'company') {
    const who = everybody ? 'Nobody has' : `${peopleWords(people)} ${have(people)} no company, or not`;
    const text = `${who} a company with ${quoted(fieldWords(field))}. Send \`company_id\` and \`company_traits\` on identify.`;
    return [{ ...about, code: 'no_company', text }];
  }
  const who = everybody ? 'Nobody has' : `${peopleWords(people)} ${have(people)} no`;
  const kept = keptWords(name);
  if (kept !== null) return [{ ...about, code: 'kept_by_muster', text: `${who} ${quoted(name)}. ${kept}` }];
  const trait = field.kind === 'custom' ? (field.tokens[0] ?? '') : field.name;
  const sent = `${who} ${quoted(trait)}: send ${quoted(trait)} on identify, or backfill it through REST or import; an identify loop would mark everybody active today.`;
  const found: Suggestion[] = [{ ...about, code: 'send_trait', text: sent }];
  if (field.kind === 'column' && field.name === 'signed_up_at') found.push(noFallback(leaf, people));
  return found;
}

/** The field decides its fallback: the two that are about the signup differ, which is where people stumble. */
function noFallback(leaf: Leaf, people: number): Suggestion {
  const text =
    'This filter reads the column `signed_up_at`, which has no fallback: whoever has none never matches. ' +
    'Unlike it, `days_since_signup` falls back to `created_at`.';
  return { path: leaf.path, code: 'no_fallback', text, people, gain: null, exact: false };
}

/** How a column that no caller writes comes by its value; null for a trait. */
function keptWords(name: string): string | null {
  if (!isColumn(name) || columns[name].source === 'trait') return null;
  if (name === 'user_id') return 'They are visitors who were never identified.';
  if (name === 'last_contacted_at') return 'Muster sets it when a message is sent to them.';
  return 'Muster sets it at a visit; backfill and import never do.';
}

function isColumn(name: string): name is ColumnName {
  return Object.hasOwn(columns, name);
}

function otherType({ leaf, field, people, examples, gain }: Failing): Suggestion[] {
  if (field === null) return [];
  const name = fieldWords(field);
  const seen = examples.first;
  const such = seen.length === 0 ? '' : `, such as ${seen.map(quoted).join(', ')}`;
  const wanted = wantedType(leaf);
  const text = `${peopleWords(people)} ${have(people)} ${quoted(name)} as another type${such}. ${wanted}`;
  return [{ path: leaf.path, code: 'other_type', text, people, gain, exact: false }];
}

function wantedType(leaf: Leaf): string {
  if (leaf.kind === 'text') return 'The clause asks for a text.';
  if (leaf.kind === 'has') return 'The clause asks for a list, or a text of items between commas.';
  const types = [...new Set(literalsOf(leaf).map(({ type }) => typeWords[type]))];
  return `The clause asks for ${types.join(' or ')}: send one, or ask for what is sent.`;
}

const typeWords: Readonly<Record<Literal['type'], string>> = {
  text: 'a text, in quotes',
  number: 'a number, without quotes',
  boolean: 'true or false, without quotes',
  time: 'a time, as ISO 8601 text',
};

function notATime({ leaf, field, people, examples, gain }: Failing): Suggestion[] {
  if (field === null) return [];
  const seen = examples.first.map(quoted);
  const such = seen.length === 0 ? '' : `, such as ${seen.join(', ')}`;
  const text = `${quoted(fieldWords(field))} of ${peopleWords(people)} is no ISO 8601 time${such}. Send \`2026-01-31\` or \`2026-01-31T09:30:00Z\`.`;
  return [{ path: leaf.path, code: 'not_a_time', text, people, gain, exact: false }];
}

function outsideWindow({ leaf, field, people, examples, gain }: Failing): Suggestion[] {
  if (leaf.kind === 'did') {
    const text = `${peopleWords(people)} did ${quoted(leaf.event)}, but not in the window.`;
    return [{ path: leaf.path, code: 'outside_window', text, people, gain, exact: false }];
  }
  if (field === null) return [];
  const earliest = leaf.kind === 'compare' && leaf.operator.startsWith('<');
  const near = earliest ? examples.first[0] : examples.last;
  const nearestWords = near === undefined ? '' : ` The nearest is ${quoted(near)}.`;
  const text = `${quoted(fieldWords(field))} of ${peopleWords(people)} lies outside the window.${nearestWords}`;
  return [{ path: leaf.path, code: 'outside_window', text, people, gain, exact: false }];
}

/** Which values there are, and the one that was probably meant. */
function otherValue({ leaf, field, people, values, gain }: Failing): Suggestion[] {
  if (leaf.kind === 'segment') {
    const verb = people === 1 ? 'is' : 'are';
    const text = `${peopleWords(people)} ${verb} not in the segment ${quoted(leaf.key)}: a report on its own filter says why.`;
    return [{ path: leaf.path, code: 'other_segment', text, people, gain, exact: true }];
  }
  if (field === null || values === undefined) return [];
  const name = fieldWords(field);
  const listed = values.values
    .slice(0, 5)
    .map(({ value, people: count }) => `${JSON.stringify(value)} (${grouped(count)})`)
    .join(', ');
  const texts = values.values.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const meant = literalsOf(leaf).flatMap(({ type, value }) => {
    if (type !== 'text') return [];
    // Whoever differs in letter case alone is told about already.
    const others = texts.filter((each) => foldAscii(each) !== foldAscii(value));
    return nearest(value, others) ?? [];
  });
  const guess = meant.length === 0 ? '' : ` Is ${meant.map(quoted).join(' or ')} meant?`;
  const among = values.exact ? '' : ', of the first 10,000 people';
  const most = listed === '' ? '' : ` Most frequent${among}: ${listed}.`;
  const text = `${peopleWords(people)} ${have(people)} another ${quoted(name)}.${most}${guess}`;
  return [{ path: leaf.path, code: 'other_value', text, people, gain, exact: false }];
}

function literalsOf(leaf: Leaf): readonly Literal[] {
  if (leaf.kind === 'compare') return [leaf.value];
  if (leaf.kind === 'between') return [leaf.low, leaf.high];
  if (leaf.kind === 'in' || leaf.kind === 'has') return leaf.items;
  return leaf.kind === 'text' ? [{ type: 'text', value: leaf.text }] : [];
}
