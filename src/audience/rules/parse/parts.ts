import { child, described, report, shown } from '../../../filter/parse/context.js';
import type { Context } from '../../../filter/parse/context.js';
import { nearest } from '../../../filter/parse/suggest.js';
import type { Outcome } from '../model.js';
import { ruleLimits } from '../model.js';

/** An object's own members: in a Map no inherited name is one of them. */
export type Document = ReadonlyMap<string, unknown>;

export const keyPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function expected(context: Context, what: string, got: unknown, path: string, example: string): null {
  return report(context, 'rule_expected', path, { expected: what, got: described(got), example });
}

/** The members of an object; those that are not known and those that are missing are reported. */
export function keysOf(
  object: Readonly<Record<string, unknown>>,
  known: readonly string[],
  optional: readonly string[],
  path: string,
  context: Context,
): Document {
  const document = new Map<string, unknown>(Object.entries(object));
  for (const key of document.keys()) {
    if (known.includes(key)) continue;
    const values = { key: shown(key), known: listed(known) };
    report(context, 'rule_unknown_key', child(path, key), values, meantHint(key, known));
  }
  for (const key of known) {
    if (document.has(key) || optional.includes(key)) continue;
    report(context, 'rule_missing_key', child(path, key), { key, example: examples[key] ?? `"${key}": ...` });
  }
  return document;
}

const examples: Readonly<Record<string, string>> = {
  key: '"key": "new-owners"',
  title: '"title": "First steps for new owners"',
  decides: '"decides": "checklist"',
  outcomes: '"outcomes": ["show", "hide"]',
  default: '"default": "hide", for when no branch is taken',
  rule: '"rule": {"if": [{"==": [{"var": "custom:role"}, "owner"]}, "show", "hide"]}',
  done: '"done": {"did": {"event": "invite_sent"}}',
};

export function keyAt(input: unknown, path: string, context: Context): string | null {
  if (typeof input !== 'string') return expected(context, 'a key, a text', input, path, '"new-owners"');
  return keyPattern.test(input) ? input : report(context, 'rule_bad_key', path, { key: shown(input) });
}

export function textAt(input: unknown, path: string, limit: number, context: Context): string | null {
  if (typeof input !== 'string') return expected(context, 'a text', input, path, '"First steps"');
  const fault = textFault(input, limit);
  return fault === null ? input : report(context, 'rule_bad_text', path, { fault, limit });
}

function textFault(text: string, limit: number): string | null {
  if (text.trim() === '') return 'is empty';
  const bytes = Buffer.byteLength(text);
  if (bytes > limit) return `has ${bytes} bytes`;
  if (text.includes('\0')) return 'holds NUL';
  return text.isWellFormed() ? null : 'holds a lone surrogate';
}

/** A value that a rule may return. Where the declared ones are known, it has to be one of them. */
export function outcomeAt(
  input: unknown,
  path: string,
  outcomes: readonly Outcome[] | null,
  context: Context,
): Outcome | null {
  const value = scalarAt(input, path, context);
  if (value === null || outcomes === null || outcomes.includes(value)) return value;
  const values = { value: shown(String(value)), known: listed(outcomes.map(String)) };
  const near = typeof value === 'string' ? meantHint(value, outcomes.map(String)) : undefined;
  return report(context, 'rule_unknown_outcome', path, values, near);
}

function scalarAt(input: unknown, path: string, context: Context): Outcome | null {
  if (typeof input === 'string') return textAt(input, path, ruleLimits.outcomeBytes, context);
  if (typeof input === 'boolean') return input;
  // `+ 0` turns the number -0, which JSON can write, into 0.
  if (typeof input === 'number' && Number.isFinite(input)) return input + 0;
  return expected(
    context,
    'an outcome (a text, a number, true or false), `if` or a condition',
    input,
    path,
    '"show"',
  );
}

/** A hint that names what was probably meant, or undefined. */
export function meantHint(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  return near === null ? undefined : `did you mean \`${near}\`?`;
}

export function listed(names: readonly string[]): string {
  const first = names.slice(0, 20).map((name) => `\`${shown(name)}\``);
  return names.length > first.length ? `${first.join(', ')}, …` : first.join(', ');
}
