import { lintFilter } from '../../filter/lint.js';
import type { Finding } from '../../filter/lint.js';
import { possible } from '../../filter/lint/possible.js';
import { printFilter } from '../../filter/print.js';
import { sentence } from '../../filter/sentence.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import type { Known } from '../advice/known.js';
import { conditionsOf } from '../rules/model.js';
import type { Expression, Rule } from '../rules/model.js';
import { lintKnown } from './known.js';

/**
 * What about a decision rule is probably not meant: what `lintFilter` finds in each of its conditions, conditions that were asked
 * on the way already, values that nobody comes to, and with a catalogue what nobody sends. Sound but for the catalogue, as
 * `lintFilter` is: whatever somebody has, the rule never comes to an `unreachable_branch` at that moment.
 */
export function lintRule(rule: Rule, moment: Moment, known: Known | null = null): Finding[] {
  const found = conditionsOf(rule, { items: true }).flatMap((condition) => [
    ...lintFilter(condition, moment),
    ...(known === null ? [] : lintKnown(condition, known)),
  ]);
  return [...found, ...alongTheWay(rule.expression, { moment, held: [], asked: new Map() })];
}

/** What is known of whoever comes to a place in a rule. */
interface Way {
  readonly moment: Moment;
  /** The conditions that hold for them, and `!` over those that do not. */
  readonly held: readonly Filter[];
  /** What was asked of them, each as `asWritten` has it. */
  readonly asked: ReadonlyMap<string, Answer>;
}

interface Answer {
  readonly path: string;
  readonly holds: boolean;
}

function alongTheWay(expression: Expression | null, way: Way): Finding[] {
  if (expression === null || expression.kind === 'outcome') return [];
  if (expression.kind === 'condition') {
    const before = answered(expression.condition, way);
    return before === null ? [] : [askedAgain(expression.condition, before)];
  }
  const found: Finding[] = [];
  let left: Way | null = way;
  for (const { condition, result } of expression.branches) {
    if (left === null) {
      found.push(unreachable(result.path, nobodyLeft));
      continue;
    }
    const before = answered(condition, left);
    if (before !== null) found.push(askedAgain(condition, before));
    const taking = before?.holds === false ? null : onward(left, condition, true);
    if (taking !== null) found.push(...alongTheWay(result, taking));
    // What holds for nobody at all is told of the condition.
    else if (before === null && possible(condition, way.moment) !== null)
      found.push(unreachable(result.path, `"${sentence(condition)}" holds for nobody who gets there`));
    left = before?.holds === true ? null : onward(left, condition, false);
  }
  const { otherwise } = expression;
  if (left !== null) found.push(...alongTheWay(otherwise, left));
  else if (otherwise !== null) found.push(unreachable(otherwise.path, nobodyLeft));
  return found;
}

/** The way of those for whom the condition holds or does not; null where that is nobody. */
function onward({ moment, held, asked }: Way, condition: Filter, holds: boolean): Way | null {
  const { path } = condition;
  const all = [...held, holds ? condition : { kind: 'not' as const, path, operand: condition }];
  if (possible({ kind: 'and', path, operands: all }, moment) === null) return null;
  const { key, negated } = asWritten(condition);
  return { moment, held: all, asked: new Map(asked).set(key, { path, holds: holds !== negated }) };
}

function answered(condition: Filter, { asked }: Way): Answer | null {
  const { key, negated } = asWritten(condition);
  const before = asked.get(key);
  return before === undefined ? null : { ...before, holds: before.holds !== negated };
}

/** A condition without the `!` around it, as text. */
function asWritten(filter: Filter, negated = false): { key: string; negated: boolean } {
  if (filter.kind === 'not') return asWritten(filter.operand, !negated);
  return { key: JSON.stringify(printFilter(filter)), negated };
}

function askedAgain(condition: Filter, { path, holds }: Answer): Finding {
  return {
    code: 'duplicate_clause',
    severity: 'warning',
    path: condition.path,
    message: `"${sentence(condition)}" ${holds ? 'holds for everybody' : 'holds for nobody'} who gets there: it was asked at \`${path}\` already`,
    hint: 'leave one of them out',
  };
}

const nobodyLeft = 'the conditions before it hold for everybody who gets there';

function unreachable(path: string, reason: string): Finding {
  return {
    code: 'unreachable_branch',
    severity: 'error',
    path,
    message: `nobody comes to this value: ${reason}`,
    hint: 'conditions are asked in order; put the narrower one first',
  };
}
