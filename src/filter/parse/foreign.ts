import { isList, isObject, offered, sketch } from './context.js';
import type { Context } from './context.js';
import { isFieldShaped } from './field.js';
import { operators } from './operators.js';
import { folded, misspelt } from './suggest.js';

/** Words of other rule languages, folded, and the operator that has the same meaning with the same operands. */
const sameMeaning: ReadonlyMap<string, string> = new Map([
  ['=', '=='],
  ['===', '=='],
  ['eq', '=='],
  ['is', '=='],
  ['equal', '=='],
  ['equals', '=='],
  ['lt', '<'],
  ['before', '<'],
  ['less_than', '<'],
  ['lte', '<='],
  ['=<', '<='],
  ['gt', '>'],
  ['after', '>'],
  ['greater_than', '>'],
  ['gte', '>='],
  ['=>', '>='],
  ['not', '!'],
  ['&&', 'and'],
  ['||', 'or'],
  ['one_of', 'in'],
  ['is_in', 'in'],
  ['contain', 'contains'],
  ['has_one', 'has_any'],
  ['start_with', 'starts_with'],
  ['begin_with', 'starts_with'],
  ['begins_with', 'starts_with'],
  ['end_with', 'ends_with'],
  ['is_set', 'exists'],
  ['is_present', 'exists'],
  ['present', 'exists'],
  ['not_null', 'exists'],
  ['notnull', 'exists'],
  ['is_not_null', 'exists'],
  ['null', 'missing'],
  ['is_null', 'missing'],
  ['is_not_set', 'missing'],
  ['unset', 'missing'],
  ['not_exists', 'missing'],
  ['!exists', 'missing'],
  ['nexists', 'missing'],
  ['does_not_exist', 'missing'],
  ['not_missing', 'exists'],
  ['everybody', 'everyone'],
  ['true', 'everyone'],
]);

/** Words whose operator has no word of its own here: it is written as `!` over another one. */
const negated: ReadonlyMap<string, string> = new Map([
  ['nin', 'in'],
  ['none_of', 'in'],
  ['not_one_of', 'in'],
  ['ncontains', 'contains'],
  ['has_none', 'has_any'],
  ['has_not', 'has'],
]);

const noArithmetic = 'a filter does not compute: send the result as a trait and compare that';
const noLists =
  'lists are asked for plain items only: write {"has": [{"var": "custom:features"}, "beta_dashboard"]}, "has_any" or "has_all"';
const noPatterns =
  'there are no patterns: write "contains", "starts_with" or "ends_with", one clause for each part';
const noVersions =
  'text compares by code point, which is not the order of versions: send the parts of a version as numbers';
const timeOnTheRight = 'a time stands on the right of a condition: ';
const lastDays = 'write {"between": [{"var": "signed_up_at"}, {"ago": [30, "days"]}, {"ago": [0, "days"]}]}';
const nextDays =
  'write {"between": [{"var": "renewal_date"}, {"ago": [0, "days"]}, {"from_now": [30, "days"]}]}';

/** Words that another operator comes near to without having their meaning, and what to write. */
const advice: ReadonlyMap<string, string> = new Map([
  [
    'var',
    'a field alone is no condition: write {"==": [{"var": "on_contract"}, true]} or {"exists": {"var": "email"}}',
  ],
  [
    'lower',
    '`lower` wraps the field of a condition: {"==": [{"lower": {"var": "email"}}, "ann@example.com"]}',
  ],
  ['ago', `${timeOnTheRight}{">=": [{"var": "signed_up_at"}, {"ago": [30, "days"]}]}`],
  ['from_now', `${timeOnTheRight}{"<=": [{"var": "renewal_date"}, {"from_now": [60, "days"]}]}`],
  ['at', `${timeOnTheRight}{">=": [{"var": "signed_up_at"}, {"at": "2026-01-31"}]}`],
  ['start_of', `${timeOnTheRight}{">=": [{"var": "signed_up_at"}, {"start_of": ["week"]}]}`],
  ['last', lastDays],
  ['in_last', lastDays],
  ['in_the_last', lastDays],
  ['within', lastDays],
  ['next', nextDays],
  ['in_next', nextDays],
  ['in_the_next', nextDays],
  ['first', noLists],
  ['if', 'a filter has no branches; combine conditions with "and", "or" and "!"'],
  ['?:', 'a filter has no branches; combine conditions with "and", "or" and "!"'],
  [
    '!!',
    'write {"exists": {"var": "custom:role"}} for people with a value; false, 0 and empty text are values',
  ],
  [
    'missing_some',
    'write {"or": [{"missing": {"var": "email"}}, {"missing": {"var": "name"}}]} for people who lack one of them',
  ],
  [
    'blank',
    'write {"missing": {"var": "custom:role"}} for people without a value; empty text is a value: {"==": [{"var": "custom:role"}, ""]}',
  ],
  [
    'empty',
    'write {"missing": {"var": "custom:role"}} for people without a value; empty text is a value: {"==": [{"var": "custom:role"}, ""]}',
  ],
  [
    'includes',
    'write {"has": [{"var": "custom:features"}, "beta_dashboard"]} for an item of a list, {"contains": [{"var": "name"}, "Ltd"]} for a part of a text',
  ],
  [
    'like',
    'write {"contains": [{"var": "name"}, "Ltd"]}, "starts_with" or "ends_with"; `%` and `*` stand for themselves',
  ],
  ['ilike', 'write {"contains": [{"lower": {"var": "name"}}, "ltd"]}; `%` and `*` stand for themselves'],
  ['regex', noPatterns],
  ['regexp', noPatterns],
  ['matches_regex', noPatterns],
  ['match', noPatterns],
  ['has_only', noLists],
  ['map', noLists],
  ['filter', noLists],
  ['reduce', noLists],
  ['merge', noLists],
  ...['+', '-', '*', '/', '%', 'min', 'max', 'sum', 'avg', 'abs', 'mod', 'modulo'].map(computing),
  ...['length', 'len', 'size', 'count', 'cat', 'substr', 'round'].map(computing),
  ...['semver', 'semver_gt', 'semver_lt', 'semver_eq', 'ver'].map((word): [string, string] => [
    word,
    noVersions,
  ]),
]);

function computing(word: string): [string, string] {
  return [word, noArithmetic];
}

/** Words that join conditions, or ask each item of a list where a field stands first. */
const joining: ReadonlyMap<string, 'and' | 'or' | 'nor'> = new Map([
  ['all', 'and'],
  ['every', 'and'],
  ['any', 'or'],
  ['some', 'or'],
  ['none', 'nor'],
  ['nor', 'nor'],
]);

/**
 * What to write in the place of an operator that does not exist, with the operands as they stand where they are small.
 * It never names an operator with another meaning. Undefined when nothing is known of the word.
 */
export function operatorHint(word: string, operands: unknown, context: Context): string | undefined {
  if (word.length > 40) return undefined;
  const plain = folded(word);
  const same = operators.has(plain) ? plain : sameMeaning.get(plain);
  if (same !== undefined) return renamed(same, operands, context);
  const unequal = /^(?:!==|<>|neq?|not_?equals?|is_?not|isnt)$/.test(plain);
  if (unequal) return bothUnequal(operands, context);
  if (plain === 'xor') return exactlyOne(operands, context);
  const joined = joining.get(plain) ?? (plain === 'nand' ? 'nand' : undefined);
  if (joined !== undefined) return joinedHint(joined, operands, context);
  const known = advice.get(plain);
  if (known !== undefined) return known;
  const opposite = oppositeOf(plain);
  if (opposite === 'exists') return renamed('missing', operands, context);
  if (opposite === 'missing') return renamed('exists', operands, context);
  if (opposite !== null) return negation(opposite, operands, context);
  const meant = misspelt(word, operators.keys());
  return meant === null ? undefined : renamed(meant, operands, context);
}

function example(operator: string): string {
  return operators.get(operator)?.example ?? '';
}

/** The clause with the operands of the user, or an example. */
function clauseWith(operator: string, operands: unknown, context: Context): string {
  const written = sketch(operands);
  const clause = written === null ? null : `{"${operator}": ${written}}`;
  return offered(clause, context) ?? example(operator);
}

function renamed(operator: string, operands: unknown, context: Context): string {
  return `did you mean \`${operator}\`? write ${clauseWith(operator, operands, context)}`;
}

/** The operator of which the word, folded, is the negation. */
function oppositeOf(plain: string): string | null {
  const known = negated.get(plain);
  if (known !== undefined) return known;
  const rest = /^(?:!|not_?|does_?not_?|do_?not_?|doesnt_?|isnt_?|is_not_)(.+)$/.exec(plain)?.[1]?.trim();
  if (rest === undefined) return null;
  if (operators.has(rest)) return rest;
  return sameMeaning.get(rest) ?? (operators.has(`${rest}s`) ? `${rest}s` : null);
}

function negation(operator: string, operands: unknown, context: Context): string {
  const inner = clauseWith(operator, operands, context);
  return `write {"!": ${inner}}, which includes people without a value; with {"exists": FIELD} beside it in an "and" it leaves them out`;
}

function bothUnequal(operands: unknown, context: Context): string {
  const [unequal, equal] = [clauseWith('!=', operands, context), clauseWith('==', operands, context)];
  return `write ${unequal}, which leaves out people without a value, or {"!": ${equal}}, which includes them`;
}

function exactlyOne(operands: unknown, context: Context): string {
  const [a, b] = isList(operands) && operands.length === 2 ? operands.map((each) => sketch(each)) : [];
  const clause = `{"and": [{"or": [${a}, ${b}]}, {"!": {"and": [${a}, ${b}]}}]}`;
  const own = typeof a === 'string' && typeof b === 'string' ? offered(clause, context) : null;
  return own === null
    ? 'exactly one of two conditions is "or" of both, and in an "and" beside it "!" over "and" of both'
    : `for exactly one of the two write ${own}`;
}

/** `all` and its kin take a list of conditions in some languages, and a field with a condition in others. */
function joinedHint(kind: 'and' | 'or' | 'nor' | 'nand', operands: unknown, context: Context): string {
  if (isList(operands) && isFieldShaped(operands[0])) return noLists;
  if (isObject(operands) && isFieldShaped(operands)) return noLists;
  const inner = kind === 'nand' ? 'and' : kind === 'nor' ? 'or' : kind;
  const clause = clauseWith(inner, operands, context);
  return kind === inner ? `write ${clause}` : `write {"!": ${clause}}`;
}
