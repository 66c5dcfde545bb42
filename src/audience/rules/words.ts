import { sentence } from '../../filter/sentence.js';
import { textWords } from '../../filter/sentence/list.js';
import type { Expression, Outcome, Rule } from './model.js';

/** An outcome as a sentence has it: texts in quotes. */
export function outcomeWords(value: Outcome): string {
  return typeof value === 'string' ? textWords(value) : String(value);
}

/** One way through a rule, in words: what has to hold, and what comes of it. */
export interface RuleLine {
  /** How many `if` stand around it. */
  readonly depth: number;
  /** The condition; null for the rest. */
  readonly condition: string | null;
  /** The outcome; null where further lines, one deeper, decide it. */
  readonly outcome: string | null;
}

/** The whole rule in words, branch by branch, as it is asked. */
export function linesOf(rule: Rule): RuleLine[] {
  const lines: RuleLine[] = [];
  const add = (condition: string | null, result: Expression | null, depth: number): void => {
    if (result?.kind !== 'if') {
      lines.push({ depth, condition, outcome: resultWords(result, rule) });
      return;
    }
    if (condition === null) {
      // What is left at the end of a list goes on in the same list.
      walk(result, depth);
      return;
    }
    lines.push({ depth, condition, outcome: null });
    walk(result, depth + 1);
  };
  const walk = (expression: Extract<Expression, { kind: 'if' }>, depth: number): void => {
    for (const { condition, result } of expression.branches) add(sentence(condition), result, depth);
    add(null, expression.otherwise, depth);
  };
  const { expression } = rule;
  if (expression.kind === 'if') walk(expression, 0);
  else add(null, expression, 0);
  return lines;
}

function resultWords(expression: Exclude<Expression, { kind: 'if' }> | null, rule: Rule): string {
  if (expression === null) return `${outcomeWords(rule.default)}, the default`;
  if (expression.kind === 'outcome') return outcomeWords(expression.value);
  return `whether ${sentence(expression.condition)}`;
}
