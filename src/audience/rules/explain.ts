import { columns, derived, nameOf } from '../../filter/fields.js';
import type { DerivedField } from '../../filter/fields.js';
import { explain } from '../../filter/explain.js';
import type { ClauseExplanation, VerdictTree } from '../../filter/explain.js';
import type { UserRecord } from '../../filter/record.js';
import { sentence } from '../../filter/sentence.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import type { Moment } from '../../filter/time.js';
import { leavesWithin } from '../../filter/tree.js';
import type { Filter } from '../../filter/tree.js';
import { isMissing, readerOf } from '../../filter/values.js';
import type { Choice } from './model.js';
import { outcomeWords } from './words.js';

/** Why a rule came to its value. */
export interface RuleExplanation {
  /** The value and the reason in one sentence. */
  readonly sentence: string;
  /** Place of the value in the document, and whether it is the default because no branch was taken. */
  readonly branch: { readonly path: string; readonly is_default: boolean };
  /** The conditions that were asked, in that order; what stands behind a branch that was not taken was not asked. */
  readonly conditions: readonly ConditionExplanation[];
  /** What stood in for a missing value. */
  readonly fallbacks: readonly Fallback[];
}

export interface ConditionExplanation {
  /** JSON Pointer of the condition in the rule's document; so are the paths of its clauses. */
  readonly path: string;
  readonly sentence: string;
  readonly verdict: boolean;
  readonly clauses: readonly ClauseExplanation[];
  readonly tree: VerdictTree;
}

export interface Fallback {
  /** The derived field, such as `days_since_signup`. */
  readonly field: string;
  /** The column that has no value, and the one that was used. */
  readonly missing: string;
  readonly used: string;
  readonly sentence: string;
}

export function explainChoice(choice: Choice, facts: UserRecord, moment: Moment): RuleExplanation {
  const conditions = choice.asked.map(({ condition, verdict }) => {
    const { sentence: words, clauses, tree } = explain(condition, facts, moment);
    return { path: condition.path, sentence: words, verdict, clauses, tree };
  });
  return {
    sentence: `${outcomeWords(choice.value)}, ${because(choice)}`,
    branch: { path: choice.path, is_default: choice.path === '/default' },
    conditions,
    fallbacks: fallbacksOf(
      choice.asked.map(({ condition }) => condition),
      facts,
      moment,
    ),
  };
}

/** Every condition that held led on to the value; the last one may be the one after which nothing is left. */
function because({ asked, path }: Choice): string {
  const held = asked.filter(({ verdict }) => verdict).map(({ condition }) => sentence(condition));
  const rest = asked.at(-1)?.verdict === false;
  const lead = path === '/default' ? 'the default, because' : 'because';
  if (asked.length === 0) return 'always';
  if (held.length === 0) {
    const none =
      asked.length === 1 ? 'the condition does not hold' : `none of ${asked.length} conditions holds`;
    return `${lead} ${none}`;
  }
  return `${lead} ${held.join('; and ')}${rest ? '; and nothing after it holds' : ''}`;
}

/** Where a derived field that was asked about had to take its second column. */
function fallbacksOf(filters: readonly Filter[], facts: UserRecord, moment: Moment): Fallback[] {
  const found = new Map<string, Fallback>();
  for (const leaf of filters.flatMap(leavesWithin)) {
    const field = fieldOf(leaf);
    if (field?.kind !== 'derived') continue;
    const fallback = fallbackOf(field, facts, moment);
    if (fallback !== null) found.set(fallback.field, fallback);
  }
  return [...found.values()];
}

function fallbackOf(field: DerivedField, facts: UserRecord, moment: Moment): Fallback | null {
  const { from, fallback } = derived[field.name];
  const column = (name: typeof from | typeof fallback) => ({
    kind: 'column' as const,
    entity: field.entity,
    name,
    type: columns[name].type,
  });
  const has = (name: typeof from | typeof fallback): boolean =>
    !isMissing(readerOf(column(name), moment)(facts));
  if (has(from) || !has(fallback)) return null;
  const [name, missing, used] = [nameOf(field), nameOf(column(from)), nameOf(column(fallback))];
  return {
    field: name,
    missing,
    used,
    sentence: `${name} is counted from ${used}, because ${missing} is missing`,
  };
}
