import { problem } from '../errors/index.js';
import type { ErrorCode, Problem } from '../errors/index.js';
import { child, described, isList, isObject, shown } from '../filter/parse/context.js';
import { traitLimits } from './known-traits.js';

/** What keeps a text from being stored, or null. */
export function textFault(text: string): string | null {
  if (text.includes('\u0000')) return 'the character NUL (U+0000)';
  return text.isWellFormed() ? null : 'half of a surrogate pair';
}

/**
 * Checks that a value is JSON which the database can hold and give back unchanged: no NUL, no half of a surrogate pair
 * in a text or key, no number that a double cannot hold, nothing that is not JSON, at most 64 levels.
 *
 * @returns whether it is; what is wrong is added to the problems
 */
export function checkJson(value: unknown, key: string, path: string, problems: Problem[]): boolean {
  const before = problems.length;
  walk(value, { key: shown(key), problems, last: before + traitLimits.problems }, path, 0);
  return problems.length === before;
}

interface Walk {
  readonly key: string;
  readonly problems: Problem[];
  /** The walk ends at this many problems. */
  readonly last: number;
}

function walk(value: unknown, context: Walk, path: string, depth: number): void {
  if (context.problems.length >= context.last || value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') return checkText(value, context, path);
  if (typeof value === 'number') return checkNumber(value, context, path);
  const parts = partsOf(value);
  if (parts === null) return report(context, 'trait_not_json', path, { got: nameOf(value) });
  if (depth >= traitLimits.depth)
    return report(context, 'trait_too_deep', path, { limit: traitLimits.depth });
  for (const [key, part] of parts) {
    const at = child(path, key);
    if (typeof key === 'string') checkText(key, context, at);
    walk(part, context, at, depth + 1);
  }
}

function checkText(text: string, context: Walk, path: string): void {
  const what = textFault(text);
  if (what !== null) report(context, 'trait_bad_text', path, { where: `\`${context.key}\``, what });
}

function checkNumber(value: number, context: Walk, path: string): void {
  if (!isExact(value)) report(context, 'trait_bad_number', path, { number: String(value) });
}

/** Whether a number survives a round trip: finite, and a whole number only up to 2^53 - 1. */
export function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** The members of a list or plain object; null for anything that is not JSON. */
function partsOf(value: unknown): [string | number, unknown][] | null {
  if (isList(value)) return Array.from(value, (item, index) => [index, item]);
  if (!isObject(value)) return null;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? Object.entries(value) : null;
}

function nameOf(value: unknown): string {
  if (value instanceof Date) return 'a Date object';
  return isObject(value) ? 'an object of a class' : described(value);
}

function report(context: Walk, code: ErrorCode, path: string, values: Record<string, string | number>): void {
  context.problems.push(problem(code, { key: context.key, ...values }, { path }));
}
