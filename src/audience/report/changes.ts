import type { JsonValue } from '../../filter/explain/show.js';
import { nameOf } from '../../filter/fields.js';
import type { Field } from '../../filter/fields.js';
import { literalsOf } from '../../filter/lint/clauses.js';
import { compilePredicate } from '../../filter/predicate.js';
import { printFilter } from '../../filter/print.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { instantOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Literal } from '../../filter/tree.js';
import { having } from './passing.js';
import type { Change } from './suggestion.js';

/** The filter with another clause at a place; as it was where nothing stands there. */
export function withClause(filter: Filter, path: string, clause: Filter): Filter {
  if (filter.path === path) return clause;
  if (filter.kind === 'not') return { ...filter, operand: withClause(filter.operand, path, clause) };
  if (filter.kind !== 'and' && filter.kind !== 'or') return filter;
  return { ...filter, operands: filter.operands.map((operand) => withClause(operand, path, clause)) };
}

export function replacing(clause: Filter): Change {
  return { kind: 'replace', clause: printFilter(clause) };
}

/**
 * A value of the field by which as many of the clauses about it come out as wanted as any value tried makes: those that are asked for,
 * and what lies beside them. Null where no value makes one of them hold.
 */
export function sending(field: Field, filter: Filter, moment: Moment): Change | null {
  if (field.kind === 'derived') return null;
  const name = nameOf(field);
  const about = leavesOf(filter).filter(({ leaf }) => {
    const own = fieldOf(leaf);
    return own !== null && nameOf(own) === name;
  });
  const candidates = about.flatMap(({ leaf }) =>
    valuesBeside(leaf.kind === 'has' ? leaf.items : literalsOf(leaf), moment),
  );
  const tests = about.map(({ leaf, negated }) => ({ passes: compilePredicate(leaf, moment), negated }));
  let best: { value: JsonValue; holding: number } | null = null;
  for (const value of [...candidates, ...plain[typeOf(field)]].slice(0, mostTried)) {
    const record = having(field, value);
    const holding = tests.filter(({ passes, negated }) => passes(record) !== negated).length;
    const isAny = tests.some(({ passes, negated }) => !negated && passes(record));
    if (isAny && holding > (best?.holding ?? 0)) best = { value, holding };
  }
  return best === null ? null : { kind: 'send', field: name, value: best.value };
}

const mostTried = 60;

function typeOf(field: Exclude<Field, { kind: 'derived' }>): 'text' | 'time' | 'boolean' {
  return field.kind === 'column' ? field.type : 'text';
}

/** Values where a clause asks for presence alone. */
const plain = { text: ['yes'], time: ['2026-01-31T00:00:00.000Z'], boolean: [true, false] } as const;

function valuesBeside(literals: readonly Literal[], moment: Moment): JsonValue[] {
  const all = literals.slice(0, 10).flatMap((literal): JsonValue[] => {
    if (literal.type === 'text') return [literal.value, `${literal.value}a`, ''];
    if (literal.type === 'number') return [literal.value, literal.value + 1, literal.value - 1];
    if (literal.type === 'boolean') return [literal.value, !literal.value];
    const instant = instantOf(literal.value, moment);
    return [0, 1000, -1000].map((distance) => new Date(instant + distance).toISOString());
  });
  const items = literals.slice(0, 10).flatMap((literal) => (literal.type === 'time' ? [] : [literal.value]));
  return [...all, items];
}
