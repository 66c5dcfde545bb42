import { readRuleFile } from '../audience/rules/examples.js';
import { readRuleText } from '../audience/rules/parse.js';
import { looksLikePath } from './filter-input.js';

/**
 * The document of the rule that `KEY` holds itself: inline JSON when it begins like JSON, a file when it looks like a path or
 * names one. Null for the key of a rule, which the workspace has to be asked about.
 *
 * Errors: `rule_unreadable`, those of `readRuleText`.
 */
export function readRuleDocument(input: string): unknown {
  if (/^\s*\{/.test(input)) return readRuleText(input);
  return looksLikePath(input) ? readRuleFile(input) : null;
}
