import { dayLength, dayText } from '../../filter/day.js';
import type { JsonValue } from '../../filter/explain/show.js';
import { nameOf } from '../../filter/fields.js';
import type { Field, StoredField } from '../../filter/fields.js';
import { literalsOf } from '../../filter/lint/clauses.js';
import { compilePredicate } from '../../filter/predicate.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { dayIn, instantOf } from '../../filter/time.js';
import type { Moment } from '../../filter/time.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter, Leaf, Literal } from '../../filter/tree.js';
import { insteadOfReserved, knownTrait } from '../../traits/known-traits.js';
import { having } from './passing.js';
import type { Change } from './suggestion.js';

/** Finds values to send, each field's once, because a large filter asks about many fields. */
export interface Sender {
  /**
   * A value of the field to send; of a company all that is asked of one, because whoever has none lacks it all. Null where no
   * value that is tried lets a clause about the field hold.
   */
  sending(field: StoredField): Change | null;
  /** Looks for the field's value, which `sending` then has at hand. The work is that of the whole filter, some times over. */
  learn(field: Field): void;
}

export function senderFor(filter: Filter, moment: Moment): Sender {
  const found = new Map<string, JsonValue>();
  const asked = new Map<string, { readonly field: Field; readonly clauses: Clause[] }>();
  for (const clause of leavesOf(filter)) {
    const field = fieldOf(clause.leaf);
    if (field === null) continue;
    const name = nameOf(field);
    const known = asked.get(name) ?? { field, clauses: [] };
    asked.set(name, known);
    known.clauses.push(clause);
  }
  const valueOf = (field: StoredField): JsonValue => {
    const name = nameOf(field);
    if (!found.has(name))
      found.set(name, valueFor(field, asked.get(name)?.clauses ?? [], { filter, moment }));
    return found.get(name) ?? null;
  };
  const ofCompany = (): StoredField[] =>
    [...asked.values()].flatMap(({ field }) =>
      field.entity === 'company' && field.kind !== 'derived' && !isKept(field) ? [field] : [],
    );
  return {
    learn: (field) => void (field.kind === 'derived' ? null : valueOf(field)),
    sending(field) {
      const values = new Map<string, JsonValue>();
      for (const each of field.entity === 'company' ? ofCompany() : [field]) {
        const value = valueOf(each);
        if (value !== null) values.set(nameOf(each), value);
      }
      return values.has(nameOf(field)) ? { kind: 'send', values: Object.fromEntries(values) } : null;
    },
  };
}

type Clause = ReturnType<typeof leavesOf>[number];

const mostTried = 60;

/**
 * Of the values tried one with which the filter can hold, and then one by which the most clauses about the field come out as
 * wanted; null where none of them holds with any value.
 */
function valueFor(
  field: StoredField,
  about: readonly Clause[],
  { filter, moment }: { readonly filter: Filter; readonly moment: Moment },
): JsonValue {
  const tests = about.map(({ leaf, negated }) => ({ leaf, negated, passes: compilePredicate(leaf, moment) }));
  const candidates = allowedFor(field) ?? [
    ...about.flatMap(({ leaf }) => valuesBeside(leaf, moment)),
    ...plain[field.kind === 'column' ? field.type : 'text'],
  ];
  let best: { value: JsonValue; rank: number } | null = null;
  for (const value of candidates.slice(0, mostTried)) {
    const record = having(field, value);
    const verdicts = new Map(tests.map(({ leaf, passes }) => [leaf, passes(record)]));
    if (!tests.some(({ leaf, negated }) => !negated && verdicts.get(leaf) === true)) continue;
    const holding = tests.filter(({ leaf, negated }) => verdicts.get(leaf) !== negated).length;
    const rank = holding + (couldHold(filter, true, verdicts) ? tests.length : 0);
    if (rank > (best?.rank ?? 0)) best = { value, rank };
  }
  return best?.value ?? null;
}

/** Whether the filter can be `wanted` of somebody of whom the verdicts of some leaves are known. */
function couldHold(filter: Filter, wanted: boolean, verdicts: ReadonlyMap<Filter, boolean>): boolean {
  if (filter.kind === 'not') return couldHold(filter.operand, !wanted, verdicts);
  if (filter.kind !== 'and' && filter.kind !== 'or') return (verdicts.get(filter) ?? wanted) === wanted;
  const could = (each: Filter): boolean => couldHold(each, wanted, verdicts);
  return (filter.kind === 'and') === wanted ? filter.operands.every(could) : filter.operands.some(could);
}

/** Values where a clause asks for presence alone. */
const plain = { text: ['yes'], time: ['2026-01-31T00:00:00.000Z'], boolean: [true, false] } as const;

/** Whether Muster keeps the field by itself, as a company's `created_at`, so that nobody can send it. */
function isKept(field: StoredField): boolean {
  return field.kind === 'column' && insteadOfReserved(field.name) !== null;
}

/** All values that an identify takes for the field; null where it has no such list. */
function allowedFor(field: StoredField): readonly string[] | null {
  if (field.kind !== 'column' || field.entity === 'page') return null;
  return knownTrait(field.name, field.entity)?.values ?? null;
}

/** The values that a clause names, and what lies beside them. */
function valuesBeside(leaf: Leaf, moment: Moment): JsonValue[] {
  const literals = literalsOf(leaf).slice(0, 10);
  const scalars = literals.flatMap((literal) => (literal.type === 'time' ? [] : [literal.value]));
  const asList = leaf.kind === 'has' ? [scalars] : [];
  return [...literals.flatMap((literal) => besideLiteral(literal, moment)), ...asList];
}

function besideLiteral(literal: Literal, moment: Moment): JsonValue[] {
  if (literal.type === 'text') return [literal.value, `${literal.value}a`, ''];
  if (literal.type === 'number') {
    // One more than the largest whole number that a literal may be is refused as a trait.
    const beside = [literal.value + 1, literal.value - 1];
    return [literal.value, ...beside.filter((each) => !Number.isInteger(each) || Number.isSafeInteger(each))];
  }
  if (literal.type === 'boolean') return [literal.value, !literal.value];
  const day = dayIn(literal.value);
  const days = day === null ? [] : [day, day + dayLength, day - dayLength].map(dayText);
  const instant = instantOf(literal.value, moment);
  return [...days, ...[0, 1000, -1000].map((distance) => new Date(instant + distance).toISOString())];
}
