import jsonLogic from 'json-logic-js';
import { compilePredicate } from '../../filter/predicate.js';
import type { Predicate } from '../../filter/predicate.js';
import type { UserRecord } from '../../filter/record.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { explainChoice } from './explain.js';
import type { RuleExplanation } from './explain.js';
import type { Choice, Expression, Outcome, Rule } from './model.js';

/** A rule's value for one person, and why. Plain JSON. */
export interface RuleEvaluation extends RuleExplanation {
  readonly key: string;
  readonly version: number;
  readonly value: Outcome;
}

/**
 * Evaluates a rule for one person: the value, the branch taken, and for each condition asked its sentence, verdict and
 * clauses. Pure: `moment` is the clock. Never throws, whatever the record holds.
 *
 * @param facts a person as a filter sees one, with the `page` where the rule reads it; `{}` is nobody
 */
export function evaluateRule(rule: Rule, facts: UserRecord, moment: Moment): RuleEvaluation {
  const choice = compileRule(rule, moment)(facts);
  const { key, version } = rule;
  return { key, version, value: choice.value, ...explainChoice(choice, facts, moment) };
}

/** Compiles a rule for many people; times are resolved here, once. */
export function compileRule(rule: Rule, moment: Moment): (facts: UserRecord) => Choice {
  const conditions: { readonly filter: Filter; readonly test: Predicate }[] = [];
  const ends: { readonly value: Outcome; readonly path: string }[] = [];
  const end = (value: Outcome, path: string): Program => ends.push({ value, path }) - 1;
  const holds = (filter: Filter): Program => {
    const index = conditions.push({ filter, test: compilePredicate(filter, moment) }) - 1;
    return { [operation]: [index] };
  };
  const programOf = (expression: Expression | null): Program => {
    if (expression === null) return end(rule.default, '/default');
    if (expression.kind === 'outcome') return end(expression.value, expression.path);
    if (expression.kind === 'condition') {
      const { condition, path } = expression;
      return { if: [holds(condition), end(true, path), end(false, path)] };
    }
    const branches = expression.branches.flatMap(({ condition, result }) => [
      holds(condition),
      programOf(result),
    ]);
    return { if: [...branches, programOf(expression.otherwise)] };
  };
  const program = programOf(rule.expression);

  return (facts) => {
    const asked: { condition: Filter; verdict: boolean }[] = [];
    const taken = run(program, (index) => {
      const condition = conditions[index];
      const verdict = condition?.test(facts) === true;
      if (condition !== undefined) asked.push({ condition: condition.filter, verdict });
      return verdict;
    });
    const found = ends[taken];
    if (found === undefined) throw new TypeError(`the rule ${rule.key} came to no end`);
    return { ...found, asked };
  };
}

/**
 * The rule as json-logic-js gets it: `if`, one operation that asks the condition of that number, and the numbers of the ends. Nothing
 * that a person or a document holds is among it, so that neither its loose comparisons and truthiness nor its dotted
 * `var`, which follows prototypes, ever meets a value.
 */
type Program = number | { readonly [operation: string]: readonly Program[] };

const operation = 'muster:holds';

/**
 * The package keeps one table of operations for the whole process. Ours is there while a rule runs and at no other time:
 * nobody else's rule can call it, and nobody who changed the table changed what ours means.
 */
function run(program: Program, holds: (index: number) => boolean): number {
  jsonLogic.add_operation(operation, holds);
  try {
    const taken: unknown = typeof program === 'number' ? program : jsonLogic.apply(program);
    return typeof taken === 'number' ? taken : Number.NaN;
  } finally {
    jsonLogic.rm_operation(operation);
  }
}
