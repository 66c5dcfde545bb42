import { columnInPlaceOf, columns, keyOf, nameOf } from '../../filter/fields.js';
import type { ColumnName, Field } from '../../filter/fields.js';
import type { Failure } from '../../filter/explain/reason.js';
import { fieldWords } from '../../filter/sentence/field.js';
import { literalsOf } from '../../filter/lint/clauses.js';
import { lowerFolded } from '../../filter/lint/lower.js';
import { sketch } from '../../filter/parse/context.js';
import { printFilter } from '../../filter/print.js';
import type { Leaf, Literal, ScalarLiteral } from '../../filter/tree.js';
import { nearName } from '../advice/near.js';
import { foldAscii } from '../../filter/values.js';
import { visible } from '../../filter/visible.js';
import type { FieldValues } from '../statements/values.js';
import type { Examples } from './examples.js';
import { replacing } from './changes.js';
import type { Sender } from './sending.js';
import { atMost, exactly, toCount } from './suggestion.js';
import type { Draft } from './suggestion.js';
import { grouped, have, peopleWords, quoted } from './words.js';

/** People who fail one leaf for one reason. */
export interface Failing {
  readonly leaf: Leaf;
  /** What the leaf asks about; null for `did`, `percent` and `everyone`. */
  readonly field: Field | null;
  readonly people: number;
  /** How many pass it. */
  readonly passing: number;
  /** Whether they are the whole workspace. */
  readonly everybody: boolean;
  readonly examples: Examples;
  /** The values of the field that do not pass the leaf. */
  readonly values: FieldValues | undefined;
  /** How many more would match if they passed the leaf, and the others that ask about the same. */
  readonly gain: number;
  readonly sender: Sender;
}

type Writer = (failing: Failing) => Draft[];

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
function letterCase({ leaf, field, people, examples, gain }: Failing): Draft[] {
  if (field === null) return [];
  const name = fieldWords(field);
  const seen = examples.first.map(quoted);
  const what = examples.isAll ? seen.join(' or ') : `values such as ${seen.join(', ')}`;
  const clause = lowerFolded(leaf);
  const written = clause === null ? null : sketch(printFilter(clause));
  const remedy =
    clause === null
      ? 'Letter case counts: ask for what is sent, or send it alike.'
      : `Letter case counts: ${written === null ? 'wrap the field in "lower" and write A to Z as a to z' : `write ${written}`}, or send ${quoted(name)} in one letter case.`;
  const text = `${peopleWords(people)} ${have(people)} ${what} as ${quoted(name)}. ${remedy}`;
  const said = { path: leaf.path, code: 'letter_case' as const, text, people, gain };
  return [clause === null ? atMost(said) : exactly(said, replacing(clause))];
}

const backfill = 'or backfill it through REST or import; an identify loop would mark everybody active today.';

function missing(failing: Failing): Draft[] {
  const { leaf, field, people, everybody, gain, sender } = failing;
  if (leaf.kind === 'did') {
    const who = everybody ? 'Nobody ever did' : `${peopleWords(people)} never did`;
    const pattern = leaf.event.includes('*') ? ' `*` is no pattern: name the event that is meant.' : '';
    const text = `${who} ${quoted(leaf.event)}. Send it with track; an event's name is compared letter by letter.${pattern}`;
    return [atMost({ path: leaf.path, code: 'send_event', text, people, gain })];
  }
  if (field === null) return [];
  const name = nameOf(field);
  const about = { path: leaf.path, people, gain };
  if (field.entity === 'company') {
    const who = everybody ? 'Nobody has' : `${peopleWords(people)} ${have(people)} no company, or not`;
    const text = `${who} a company with ${quoted(fieldWords(field))}: send \`company_id\` and \`company_traits\` on identify, ${backfill}`;
    return [
      atMost({ ...about, code: 'no_company', text }, field.kind === 'derived' ? null : sender.sending(field)),
    ];
  }
  const who = everybody ? 'Nobody has' : `${peopleWords(people)} ${have(people)} no`;
  const kept = keptWords(name);
  if (kept !== null)
    return [atMost({ ...about, code: 'kept_by_muster', text: `${who} ${quoted(name)}. ${kept}` })];
  // That nobody can have it is told with the field that is meant.
  if (columnInPlaceOf(field) !== null) return [];
  const trait = field.kind === 'custom' ? (field.tokens[0] ?? '') : field.name;
  const asked = field.kind === 'custom' ? keyOf(field) : field.name;
  const inside = field.kind === 'custom' && field.tokens.length > 1 ? ' with it' : '';
  const sent = `${who} ${quoted(asked)}: send ${quoted(trait)}${inside} on identify, ${backfill}`;
  const found = [
    atMost(
      { ...about, code: 'send_trait', text: sent },
      field.kind === 'derived' ? null : sender.sending(field),
    ),
  ];
  if (field.kind === 'column' && field.name === 'signed_up_at') found.push(noFallback(leaf, people));
  return found;
}

/** The field decides its fallback: the two that are about the signup differ, which is where people stumble. */
function noFallback(leaf: Leaf, people: number): Draft {
  const text =
    'This filter reads the column `signed_up_at`, which has no fallback: people who have none never match. ' +
    'Unlike it, `days_since_signup` falls back to `created_at`.';
  return atMost({ path: leaf.path, code: 'no_fallback', text, people, gain: null });
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

function otherType({ leaf, field, people, examples, gain }: Failing): Draft[] {
  if (field === null) return [];
  const name = fieldWords(field);
  const seen = examples.first;
  const such = seen.length === 0 ? '' : `, such as ${seen.map(quoted).join(', ')}`;
  const wanted = wantedType(leaf);
  const text = `${peopleWords(people)} ${have(people)} ${quoted(name)} as another type${such}. ${wanted}`;
  return [atMost({ path: leaf.path, code: 'other_type', text, people, gain })];
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

function notATime({ leaf, field, people, examples, gain }: Failing): Draft[] {
  if (field === null) return [];
  const seen = examples.first.map(quoted);
  const such = seen.length === 0 ? '' : `, such as ${seen.join(', ')}`;
  const text = `${quoted(fieldWords(field))} of ${peopleWords(people)} is no ISO 8601 time${such}. Send \`2026-01-31\` or \`2026-01-31T09:30:00Z\`.`;
  return [atMost({ path: leaf.path, code: 'not_a_time', text, people, gain })];
}

function outsideWindow({ leaf, field, people, examples, gain }: Failing): Draft[] {
  if (leaf.kind === 'did') {
    const text = `${peopleWords(people)} did ${quoted(leaf.event)}, but not in the window.`;
    return [atMost({ path: leaf.path, code: 'outside_window', text, people, gain })];
  }
  if (field === null) return [];
  const isOne = leaf.kind === 'in' || (leaf.kind === 'compare' && leaf.operator === '==');
  const earliest = leaf.kind === 'compare' && leaf.operator.startsWith('<');
  const near = earliest ? examples.first[0] : examples.last;
  const { before, after } = examples;
  const sides = [
    before === undefined ? [] : `${quoted(before)} before it`,
    after === undefined ? [] : `${quoted(after)} after it`,
  ];
  const beside = sides.flat().join(' and ');
  const nearestWords =
    beside !== ''
      ? ` The nearest is ${beside}.`
      : near === undefined
        ? ''
        : ` The nearest is ${quoted(near)}.`;
  const text = `${quoted(fieldWords(field))} of ${peopleWords(people)} ${isOne ? 'is another time' : 'lies outside the window'}.${nearestWords}`;
  return [atMost({ path: leaf.path, code: 'outside_window', text, people, gain })];
}

/** Which values there are, and the one that was probably meant. */
function otherValue({ leaf, field, people, passing, values, gain }: Failing): Draft[] {
  if (leaf.kind === 'segment') {
    const verb = people === 1 ? 'is' : 'are';
    const text = `${peopleWords(people)} ${verb} not in the segment ${quoted(leaf.key)}: a report on its own filter says why.`;
    return [atMost({ path: leaf.path, code: 'other_segment', text, people, gain })];
  }
  if (leaf.kind === 'did') {
    const which = leaf.where === null ? '' : ' with such properties';
    const text = `${peopleWords(people)} did ${quoted(leaf.event)}${which} another number of times than is asked for.`;
    return [atMost({ path: leaf.path, code: 'other_value', text, people, gain })];
  }
  if (field === null || values === undefined) return [];
  const name = fieldWords(field);
  if (leaf.kind === 'compare' && leaf.operator === '!=') {
    const text = `${peopleWords(people)} ${have(people)} the ${quoted(name)} that the clause leaves out.`;
    return [atMost({ path: leaf.path, code: 'other_value', text, people, gain })];
  }
  const listed = values.values
    .slice(0, 5)
    .map(({ value, people: count }) => `${visible(JSON.stringify(value))} (${grouped(count)})`)
    .join(', ');
  const texts = values.values.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  // Whoever differs in letter case alone is told about already.
  const others = texts.filter((each) => !literalsOf(leaf).some(({ value }) => isSameText(each, value)));
  const meant = meantValues(leaf, others);
  const guess = meant.size === 0 ? '' : ` Is ${[...meant.values()].map(quoted).join(' or ')} meant?`;
  const among = values.exact ? '' : ', of the first 10,000 people';
  const most = listed === '' ? '' : ` Most frequent${among}: ${listed}.`;
  const text = `${peopleWords(people)} ${have(people)} another ${quoted(name)}.${most}${guess}`;
  const said = { path: leaf.path, code: 'other_value' as const, text, people };
  // Whoever passes now may not pass another text.
  const clause = meant.size === 0 || passing > 0 ? null : withTexts(leaf, meant);
  return [clause === null ? atMost({ ...said, gain }) : toCount(said, clause)];
}

function isSameText(text: string, value: unknown): boolean {
  return typeof value === 'string' && foldAscii(text) === foldAscii(value);
}

/** For each text that is asked for and that nobody has, the value that was probably meant. */
function meantValues(leaf: Leaf, values: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { type, value } of literalsOf(leaf)) {
    const meant = type === 'text' ? nearName(value, values) : null;
    if (type === 'text' && meant !== null) found.set(value, meant);
  }
  return found;
}

/** The clause with other texts; null where its texts are ends or parts, which may be meant as they are. */
function withTexts(leaf: Leaf, texts: ReadonlyMap<string, string>): Leaf | null {
  const other = <T extends Literal>(literal: T): T | ScalarLiteral =>
    literal.type === 'text' ? { type: 'text', value: texts.get(literal.value) ?? literal.value } : literal;
  if (leaf.kind === 'compare') return leaf.operator === '==' ? { ...leaf, value: other(leaf.value) } : null;
  if (leaf.kind === 'in') return { ...leaf, items: leaf.items.map(other) };
  return null;
}
