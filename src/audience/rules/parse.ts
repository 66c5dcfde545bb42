import { MusterError, refuse } from '../../errors/index.js';
import { limits } from '../../filter/limits.js';
import { child, described, isList, isObject, onlyKey, report, shown } from '../../filter/parse/context.js';
import type { Context } from '../../filter/parse/context.js';
import { jsonFault } from '../../filter/parse/json.js';
import { parseNode } from '../../filter/parse/node.js';
import { newContext } from '../../filter/parse.js';
import type { ParseOptions } from '../../filter/parse.js';
import { decisions, isShown, hidden, ruleLimits } from './model.js';
import type { Branch, Decision, Expression, Item, Outcome, Rule } from './model.js';
import { expected, keyAt, keysOf, listed, meantHint, outcomeAt, textAt } from './parse/parts.js';
import type { Document } from './parse/parts.js';

const keys = ['key', 'title', 'decides', 'version', 'outcomes', 'default', 'rule', 'items'] as const;
export type RuleOptions = Pick<ParseOptions, 'segments'>;

const example = '{"if": [{"<": [{"var": "days_since_signup"}, 14]}, "show", "hide"]}';

/**
 * Checks a decision rule as written in JSON and returns it typed. The language is described in docs/rules.md.
 *
 * A condition is read by the filter language's own parser and means what it means there. A rule that decides about a page may also read
 * `page:` fields and use `matches`.
 *
 * Errors: one `MusterError` with every problem found (up to `limits.problems`), each with its JSON Pointer in the document.
 */
export function parseRule(input: unknown, { segments }: RuleOptions = {}): Rule {
  const context = newContext(scopeOf(input), segments === undefined ? {} : { segments });
  const rule = ruleOf(input, context);
  if (rule === null || context.tally.problems.length > 0) throw new MusterError(context.tally.problems);
  return rule;
}

/** Checks a rule written as JSON text. Errors: those of `readRuleText` and `parseRule`. */
export function parseRuleText(text: string, options: RuleOptions = {}): Rule {
  return parseRule(readRuleText(text), options);
}

/** JSON text as a document that can be checked. Errors: `rule_not_json`, `duplicate_key`. */
export function readRuleText(text: string): unknown {
  const fault = jsonFault(text);
  if (fault?.code === 'duplicate_key')
    return refuse('duplicate_key', { key: fault.reason, position: fault.position });
  if (fault !== null) return refuse('rule_not_json', { reason: `${fault.reason} at ${fault.position}` });
  return JSON.parse(text) as unknown;
}

/** Nothing but the mode of a Slack conversation is decided where there is no page. */
function scopeOf(input: unknown): Context['scope'] {
  const decides = isObject(input) && Object.hasOwn(input, 'decides') ? input['decides'] : null;
  return decides === 'slack_mode' ? 'people' : 'pages';
}

function ruleOf(input: unknown, context: Context): Rule | null {
  if (!isObject(input)) return expected(context, 'a rule, an object', input, '', `{"key": ..., "rule": ...}`);
  const document = keysOf(input, keys, ['items', 'version'], '', context);
  const key = document.has('key') ? keyAt(document.get('key'), '/key', context) : null;
  const title = document.has('title')
    ? textAt(document.get('title'), '/title', ruleLimits.titleBytes, context)
    : null;
  const decides = document.has('decides') ? decisionAt(document.get('decides'), context) : null;
  const version = versionAt(document, context);
  const outcomes = document.has('outcomes') ? outcomesAt(document.get('outcomes'), context) : null;
  if (decides !== null && outcomes !== null && isShown(decides) && !outcomes.includes(hidden))
    report(context, 'rule_needs_hide', '/outcomes', { decides });
  const fallback = document.has('default')
    ? outcomeAt(document.get('default'), '/default', outcomes, context)
    : null;
  const expression = document.has('rule')
    ? expressionAt(document.get('rule'), '/rule', 1, outcomes, context)
    : null;
  const items = document.has('items') ? itemsAt(document.get('items'), decides, context) : [];
  if (context.tally.problems.length > 0) return null;
  const { length } = Buffer.from(JSON.stringify(input));
  if (length > ruleLimits.documentBytes)
    return report(context, 'rule_too_large', '', { count: length, limit: ruleLimits.documentBytes });
  if (key === null || title === null || decides === null || outcomes === null) return null;
  if (version === null || fallback === null || expression === null || items === null) return null;
  return { key, title, decides, version, outcomes, default: fallback, expression, items, source: input };
}

function decisionAt(input: unknown, context: Context): Decision | null {
  const found = decisions.find((decision) => decision === input);
  if (found !== undefined) return found;
  if (typeof input !== 'string')
    return expected(context, `one of ${listed(decisions)}`, input, '/decides', '"checklist"');
  const values = { decides: shown(input), known: listed(decisions) };
  return report(context, 'unknown_decision', '/decides', values, meantHint(input, decisions));
}

function versionAt(document: Document, context: Context): number | null {
  if (!document.has('version')) return 1;
  const version = document.get('version');
  if (typeof version === 'number' && Number.isInteger(version) && version >= 1 && version <= 999_999_999)
    return version;
  return expected(context, 'a whole number from 1 to 999999999', version, '/version', '1');
}

function outcomesAt(input: unknown, context: Context): Outcome[] | null {
  const most = ruleLimits.outcomes;
  if (!isList(input) || input.length === 0 || input.length > most)
    return expected(context, `a list of 1 to ${most} outcomes`, input, '/outcomes', '["show", "hide"]');
  const found: Outcome[] = [];
  for (const [index, item] of input.entries()) {
    const path = child('/outcomes', index);
    const outcome = outcomeAt(item, path, null, context);
    if (outcome === null) continue;
    if (found.includes(outcome)) report(context, 'rule_duplicate', path, { value: shown(String(outcome)) });
    else found.push(outcome);
  }
  return found.length === input.length ? found : null;
}

/** An outcome, a condition in its place, or `if`. `outcomes` is null where they could not be read. */
function expressionAt(
  input: unknown,
  path: string,
  depth: number,
  outcomes: readonly Outcome[] | null,
  context: Context,
): Expression | null {
  if (!isObject(input)) {
    const value = outcomeAt(input, path, outcomes, context);
    return value === null ? null : { kind: 'outcome', path, value };
  }
  if (!Object.hasOwn(input, 'if')) {
    const condition = parseNode(input, path, 1, context);
    for (const value of [true, false]) outcomeAt(value, path, outcomes, context);
    return condition === null ? null : { kind: 'condition', path, condition };
  }
  if (depth > limits.depth) {
    if (!context.tally.tooDeep) report(context, 'too_deep', path, { limit: limits.depth });
    context.tally.tooDeep = true;
    return null;
  }
  onlyKey(input, 'if', path, context);
  return ifAt(input['if'], path, depth, outcomes, context);
}

function ifAt(
  operands: unknown,
  path: string,
  depth: number,
  outcomes: readonly Outcome[] | null,
  context: Context,
): Expression | null {
  const at = child(path, 'if');
  if (!isList(operands) || operands.length < 2) {
    const takes = 'a list of a condition and a value, further pairs, and a value for the rest';
    const values = { operator: 'if', expected: takes, got: described(operands), example };
    return report(context, 'wrong_arity', at, values);
  }
  const value = (index: number): Expression | null =>
    expressionAt(operands[index], child(at, index), depth + 1, outcomes, context);
  const branches: Branch[] = [];
  const pairs = Math.floor(operands.length / 2);
  for (let index = 0; index < 2 * pairs; index += 2) {
    // Whatever stands here counts as a node, so that a list of any length comes to that limit.
    const condition = parseNode(operands[index], child(at, index), 1, context);
    const result = value(index + 1);
    if (condition !== null && result !== null) branches.push({ condition, result });
  }
  const rest = operands.length % 2 === 1 ? value(operands.length - 1) : null;
  if (branches.length < pairs || (rest === null && operands.length % 2 === 1)) return null;
  return { kind: 'if', path, branches, otherwise: rest };
}

function itemsAt(input: unknown, decides: Decision | null, context: Context): Item[] | null {
  const shape = '[{"key": "invite", "title": "Invite somebody", "done": {"did": {"event": "invite_sent"}}}]';
  if (decides !== null && decides !== 'checklist')
    return report(context, 'rule_no_items', '/items', { decides });
  const most = ruleLimits.items;
  if (!isList(input) || input.length === 0 || input.length > most)
    return expected(context, `a list of 1 to ${most} items`, input, '/items', shape);
  const items: Item[] = [];
  for (const [index, written] of input.entries()) {
    const path = child('/items', index);
    const item = itemAt(written, path, shape, context);
    if (item === null) continue;
    if (items.some((other) => other.key === item.key))
      report(context, 'rule_duplicate', `${path}/key`, { value: item.key });
    else items.push(item);
  }
  return items.length === input.length ? items : null;
}

function itemAt(input: unknown, path: string, shape: string, context: Context): Item | null {
  if (!isObject(input)) return expected(context, 'an item, an object', input, path, shape);
  const parts = keysOf(input, ['key', 'title', 'done'], [], path, context);
  const key = parts.has('key') ? keyAt(parts.get('key'), `${path}/key`, context) : null;
  const title = parts.has('title')
    ? textAt(parts.get('title'), `${path}/title`, ruleLimits.titleBytes, context)
    : null;
  // What somebody has done is the same on every page.
  const ofPeople: Context = { ...context, scope: 'people' };
  const done = parts.has('done') ? parseNode(parts.get('done'), `${path}/done`, 1, ofPeople) : null;
  return key === null || title === null || done === null ? null : { key, title, done };
}
