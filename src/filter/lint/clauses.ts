import { columnInPlaceOf, keyOf, nameOf } from '../fields.js';
import { sketch } from '../parse/context.js';
import { printFilter } from '../print.js';
import { fieldWords } from '../sentence/field.js';
import { fieldOf } from '../sentence/missing.js';
import { leavesOf } from '../tree.js';
import type { Filter, Leaf, Literal, Or, ScalarLiteral } from '../tree.js';
import { hasUnseen, visible } from '../visible.js';
import { dayAsEnd } from './day-end.js';
import type { Finding } from './finding.js';
import { lowerFinding } from './lower.js';

/**
 * Clauses that are taken and do what they say, and probably not what is meant. Each by the clause alone, whatever people have.
 */
export function clauseFindings(filter: Filter): Finding[] {
  return [...leaves(filter).flatMap(ofLeaf), ...orsIn(filter).flatMap(orOfUnequals)];
}

/** The leaves with those inside `where`. */
function leaves(filter: Filter): Leaf[] {
  return leavesOf(filter).flatMap(({ leaf }) =>
    leaf.kind === 'did' && leaf.where !== null ? [leaf, ...leaves(leaf.where)] : [leaf],
  );
}

function ofLeaf(leaf: Leaf): Finding[] {
  const lower = lowerFinding(leaf);
  return [
    ...columnAsCustom(leaf),
    // The error is told where the clause is found to be impossible.
    ...(lower?.severity === 'warning' ? [lower] : []),
    ...unseenCharacters(leaf),
    ...commaInItem(leaf),
    ...oneTextForList(leaf),
    ...textOrder(leaf),
    ...anyEvent(leaf),
    ...dayAsEnd(leaf),
  ];
}

function warning(code: Finding['code'], leaf: Filter, message: string, hint: string): Finding {
  return { code, severity: 'warning', path: leaf.path, message, hint };
}

/** The clause as JSON where it is small, or what is said in its place. */
function written(filter: Filter, otherwise: string): string {
  return sketch(printFilter(filter)) ?? otherwise;
}

function columnAsCustom(leaf: Leaf): Finding[] {
  const field = fieldOf(leaf);
  const column = field === null ? null : columnInPlaceOf(field);
  if (field?.kind !== 'custom' || column === null) return [];
  const message = `nobody can have a custom field \`${visible(keyOf(field))}\`: it is the field \`${column}\`, or refused`;
  return [warning('column_as_custom', leaf, message, `write {"var": "${column}"}`)];
}

/** The literals that a value has to equal, hold or begin with. */
export function literalsOf(leaf: Leaf): readonly Literal[] {
  if (leaf.kind === 'compare') return [leaf.value];
  if (leaf.kind === 'between') return [leaf.low, leaf.high];
  if (leaf.kind === 'in' || leaf.kind === 'has') return leaf.items;
  return leaf.kind === 'text' ? [{ type: 'text', value: leaf.text }] : [];
}

function textsOf(leaf: Leaf): string[] {
  return literalsOf(leaf).flatMap((literal) => (literal.type === 'text' ? [literal.value] : []));
}

function unseenCharacters(leaf: Leaf): Finding[] {
  // A space at an end is meant where a part of a text is looked for.
  if (leaf.kind === 'text') return [];
  const found = textsOf(leaf).find(hasUnseen);
  if (found === undefined) return [];
  const message = `\`${visible(found)}\` holds characters that cannot be seen, and they count`;
  return [
    warning('unseen_characters', leaf, message, 'write the text without them, unless they are sent so'),
  ];
}

/** A text is split at commas, so that no item of one has a comma. */
function commaInItem(leaf: Leaf): Finding[] {
  if (leaf.kind !== 'has') return [];
  const found = textsOf(leaf).find((text) => text.includes(','));
  if (found === undefined) return [];
  const whole = written(
    {
      kind: 'text',
      path: '',
      operator: 'contains',
      subject: { field: leaf.field, lower: false },
      text: found,
    },
    '"contains"',
  );
  const message = `\`${visible(found)}\` can be an item of a list, never one of a text, which is split at commas`;
  return [warning('comma_in_item', leaf, message, `to look for it inside a text write ${whole}`)];
}

function oneTextForList(leaf: Leaf): Finding[] {
  if (leaf.kind !== 'in' || leaf.items.length !== 1) return [];
  const [text] = textsOf(leaf);
  const parts = text === undefined ? [] : pastedParts(text);
  if (text === undefined || parts.length < 2) return [];
  const several = { ...leaf, items: parts.map((value) => ({ type: 'text' as const, value })) };
  const message = `\`${visible(text)}\` is one text, which a value has to equal as a whole`;
  return [
    warning(
      'one_text_for_list',
      leaf,
      message,
      `for ${parts.length} values write ${written(several, 'each of them in quotes')}`,
    ),
  ];
}

/** What looks like several values pasted as one text: split without blanks, or in three parts or more. */
export function pastedParts(text: string): string[] {
  const parts = text.split(/[,;\t\n]+/).map((part) => part.trim());
  const tight = /[^\s,;][,;\t\n][^\s,;]/.test(text);
  return parts.length > (tight ? 1 : 2) && parts.every((part) => part !== '') ? parts : [];
}

const version = /^v?\d+(?:\.\d+){1,3}(?:[-+].*)?$/;
const number = /^-?\d+(?:\.\d+)?$/;

function textOrder(leaf: Leaf): Finding[] {
  const isOrder = leaf.kind === 'compare' && leaf.operator !== '==' && leaf.operator !== '!=';
  if (!isOrder && leaf.kind !== 'between') return [];
  const [text] = textsOf(leaf).filter((each) => number.test(each) || version.test(each));
  if (text === undefined) return [];
  const [before] = ['10', '10.0.1', '9', '9.0.1'].filter((each) => each < text !== isLower(each, text));
  if (before === undefined) return [];
  const order =
    before < text ? `\`${before}\` sorts before \`${text}\`` : `\`${text}\` sorts before \`${before}\``;
  const hint = number.test(text)
    ? `write ${text} without quotes, and send it as a number`
    : 'send the parts of the version as numbers, and compare those';
  return [warning('text_order', leaf, `text is compared letter by letter: ${order}`, hint)];
}

/** By the numbers of both. */
function isLower(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => text.replace(/^v/, '').split(/[.+-]/).map(Number));
  for (let index = 0; index < 4; index += 1) {
    const [x, y] = [a?.[index] ?? 0, b?.[index] ?? 0];
    if (x !== y) return x < y;
  }
  return false;
}

function anyEvent(leaf: Leaf): Finding[] {
  if (leaf.kind !== 'did' || !leaf.event.includes('*')) return [];
  const message = `\`${visible(leaf.event)}\` is the name of one event: there are no patterns`;
  return [warning('any_event', leaf, message, 'name the event; several are an "or" of one `did` each')];
}

function orsIn(filter: Filter): Or[] {
  if (filter.kind === 'or') return [filter, ...filter.operands.flatMap(orsIn)];
  if (filter.kind === 'and') return filter.operands.flatMap(orsIn);
  if (filter.kind === 'did') return filter.where === null ? [] : orsIn(filter.where);
  return filter.kind === 'not' ? orsIn(filter.operand) : [];
}

/** `!= a or != b`: whatever a value is, it differs from one of the two. */
function orOfUnequals(or: Or): Finding[] {
  const seen = new Map<string, ScalarLiteral>();
  for (const operand of or.operands) {
    if (operand.kind !== 'compare' || operand.operator !== '!=') continue;
    const { subject, value } = operand;
    // Two times that are written differently may be one instant.
    if (value.type === 'time') continue;
    const name = `${subject.lower ? 'lower:' : ''}${nameOf(subject.field)} ${value.type}`;
    const first = seen.get(name);
    seen.set(name, first ?? value);
    if (first === undefined || JSON.stringify(first) === JSON.stringify(value)) continue;
    const neither = written(
      { kind: 'not', path: '', operand: { kind: 'in', path: '', subject, items: [first, value] } },
      '"!" over "in"',
    );
    const message = `this holds for everybody with ${article(value.type)} as \`${fieldWords(subject.field)}\`: it always differs from one of the values`;
    const hint = `for people with neither write ${neither}, which includes those without a value, or join the two by "and"`;
    return [warning('or_of_unequals', or, message, hint)];
  }
  return [];
}

function article(type: ScalarLiteral['type']): string {
  return { text: 'a text', number: 'a number', boolean: 'true or false' }[type];
}
