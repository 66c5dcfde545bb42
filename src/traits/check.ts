import { MusterError, problem } from '../errors/index.js';
import type { ErrorCode, Problem } from '../errors/index.js';
import { parseIso } from '../filter/iso8601.js';
import { child, described, isObject, shown } from '../filter/parse/context.js';
import { nearest } from '../filter/parse/suggest.js';
import { insteadOfReserved, knownTrait, traitLimits } from './known-traits.js';
import type { KnownTrait } from './known-traits.js';
import { checkJson, textFault } from './json.js';

/** Traits that may be stored, sorted by where they go. */
export interface CheckedTraits {
  /** Known traits by column; times as ISO 8601 in UTC, null empties the column. */
  readonly columns: Readonly<Record<string, string | boolean | null>>;
  /** Custom traits to set; an object without a prototype, so that every key is data. */
  readonly custom: Readonly<Record<string, unknown>>;
  /** Custom traits to remove. */
  readonly removed: readonly string[];
}

export interface CheckOptions {
  /** JSON Pointer of the traits in the caller's input; default `/traits`. */
  readonly path?: string;
  readonly of?: 'user' | 'company';
}

/**
 * Checks a traits object whole. Absent (undefined) traits are no traits.
 *
 * Errors, all at once: `traits_not_object` `reserved_trait` `trait_no_name` `trait_not_allowed` `trait_not_time` `trait_type`
 * `trait_bad_text` `trait_bad_number` `trait_not_json` `trait_too_deep` `trait_too_long` `traits_too_large`.
 */
export function checkTraits(traits: unknown, options: CheckOptions = {}): CheckedTraits {
  const problems: Problem[] = [];
  const checked = collectTraits(traits, problems, options);
  if (problems.length > 0) throw new MusterError(problems);
  return checked;
}

/** As `checkTraits`, but adds to a list of problems, for callers that check more than traits. */
export function collectTraits(
  traits: unknown,
  problems: Problem[],
  options: CheckOptions = {},
): CheckedTraits {
  const path = options.path ?? '/traits';
  const of = options.of ?? 'user';
  const columns: Record<string, string | boolean | null> = {};
  const custom: Record<string, unknown> = { __proto__: null };
  const removed: string[] = [];
  const checked = { columns, custom, removed };
  if (traits === undefined) return checked;
  if (!isPlainObject(traits)) {
    problems.push(problem('traits_not_object', { got: described(traits) }, { path }));
    return checked;
  }
  const before = problems.length;
  for (const key of Object.keys(traits)) {
    if (problems.length - before >= traitLimits.problems) return checked;
    const value = traits[key];
    if (value === undefined) continue;
    const at = child(path, key);
    if (isReserved(key, at, problems)) continue;
    const known = knownTrait(key, of);
    if (known !== null) {
      const column = value === null ? null : columnValue(known, key, value, at, problems);
      if (column !== undefined) columns[key] = column;
    } else if (checkKey(key, value, at, problems) && checkJson(value, key, at, problems)) {
      if (value === null) removed.push(key);
      else custom[key] = value;
    }
  }
  if (problems.length === before) checkSize(checked, path, problems);
  return checked;
}

function isReserved(key: string, path: string, problems: Problem[]): boolean {
  const instead = insteadOfReserved(key);
  if (instead === null) return false;
  problems.push(problem('reserved_trait', { key, instead }, { path }));
  return true;
}

function checkKey(key: string, value: unknown, path: string, problems: Problem[]): boolean {
  // One that is stored from before this rule can still be removed.
  if (key.trim() === '' && value !== null) {
    problems.push(problem('trait_no_name', {}, { path }));
    return false;
  }
  const fault = textFault(key);
  if (fault === null) return true;
  problems.push(problem('trait_bad_text', { where: `the name of \`${shown(key)}\``, what: fault }, { path }));
  return false;
}

/**
 * The value as its column holds it, or undefined with a problem noted. Times come back as ISO 8601 in UTC.
 */
export function columnValue(
  known: KnownTrait,
  key: string,
  value: unknown,
  path: string,
  problems: Problem[],
): string | boolean | undefined {
  const report = (code: ErrorCode, values: Record<string, string | number>, hint?: string): undefined => {
    problems.push(problem(code, { key, ...values }, hint === undefined ? { path } : { path, hint }));
  };
  if (known.kind === 'boolean') {
    if (typeof value === 'boolean') return value;
    return report('trait_type', { expected: 'true or false', got: described(value) });
  }
  if (known.kind === 'time') {
    const instant = typeof value === 'string' ? parseIso(value) : null;
    if (instant !== null) return new Date(instant).toISOString();
    return report('trait_not_time', { got: value instanceof Date ? 'a Date object' : described(value) });
  }
  if (typeof value !== 'string') return report('trait_type', { expected: 'text', got: described(value) });
  if (known.kind === 'choice') {
    const values = known.values ?? [];
    if (values.includes(value)) return value;
    const meant = nearest(value, values);
    const hint =
      meant === null ? undefined : `did you mean \`${meant}\`? The values are ${values.join(', ')}`;
    return report('trait_not_allowed', { value: shown(value), allowed: values.join(', ') }, hint);
  }
  const fault = textFault(value);
  if (fault !== null) return report('trait_bad_text', { where: `\`${key}\``, what: fault });
  const count = Buffer.byteLength(value);
  if (count > traitLimits.textBytes) return report('trait_too_long', { count, limit: traitLimits.textBytes });
  return value;
}

function checkSize({ columns, custom, removed }: CheckedTraits, path: string, problems: Problem[]): void {
  const count = [columns, custom, removed].reduce(
    (sum, part) => sum + Buffer.byteLength(JSON.stringify(part)),
    0,
  );
  if (count > traitLimits.traitsBytes) {
    problems.push(problem('traits_too_large', { count, limit: traitLimits.traitsBytes }, { path }));
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
