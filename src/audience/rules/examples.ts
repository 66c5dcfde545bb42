import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../../errors/index.js';
import type { Rule } from './model.js';
import { parseRule, readRuleText } from './parse.js';

// The same three steps up from `src/audience/rules` and from the built `dist/audience/rules`.
const folder = fileURLToPath(new URL('../../../rules', import.meta.url));
const folders = ['onboarding', 'slack'] as const;

let shipped: readonly Rule[] | undefined;

/** The rules that ship with Muster, by key: what a workspace has that saved none of the same key. */
export function exampleRules(): readonly Rule[] {
  shipped ??= folders
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => file.endsWith('.json'))
        .map((file) => loadRule(join(folder, name, file))),
    )
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
  return shipped;
}

/** Reads and checks one rule from a JSON file. Errors: those of `readRuleFile` and `parseRule`. */
export function loadRule(file: string | URL): Rule {
  return parseRule(readRuleFile(file));
}

/** A rule's document from a JSON file. Errors: `rule_unreadable`, those of `readRuleText`. */
export function readRuleFile(file: string | URL): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    return refuse('rule_unreadable', { file: String(file), reason: reasonOf(error) }, { cause: error });
  }
  return readRuleText(text);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The system's message repeats the path that the refusal already names.
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
