import { judges } from './explain/judges.js';
import type { Finding, Judge } from './explain/judges.js';
import type { Reason } from './explain/reason.js';
import type { JsonValue } from './explain/show.js';
import { Turning } from './explain/turning.js';
import { leafHorizon } from './horizon.js';
import { verdictHorizon } from './horizon/verdict.js';
import type { UserRecord } from './record.js';
import { sentence, sentenceOf } from './sentence.js';
import type { Moment } from './time.js';
import { read } from './tree.js';
import type { Filter, Leaf, Reader, Segment } from './tree.js';

export type { Reason } from './explain/reason.js';
export type { JsonValue } from './explain/show.js';

/** Why one user matches a filter, or does not. Plain JSON. */
export interface Explanation {
  readonly matched: boolean;
  /** The whole filter in plain English. */
  readonly sentence: string;
  /** When `matched` turns by itself if the data stay (ISO 8601, the exact millisecond), or null: never. */
  readonly changes_at: string | null;
  /** The leaves in document order, each judged by itself, before any `!` above it. */
  readonly clauses: readonly ClauseExplanation[];
  /** How the clauses' verdicts combine. */
  readonly tree: VerdictTree;
}

export interface ClauseExplanation {
  /** JSON Pointer of the condition in the filter's document. */
  readonly path: string;
  readonly sentence: string;
  /** Whether an odd number of `!` stands above it. */
  readonly negated: boolean;
  readonly verdict: boolean;
  /** `matched` exactly when the verdict is true. */
  readonly reason: Reason;
  /** The stored value, times as ISO 8601, long values shortened; null when it is missing. */
  readonly seen: JsonValue;
  /** What the condition asks for; times as `{ at, written }`, the instant and what it was written as. */
  readonly wanted: JsonValue;
  /** When this verdict turns by itself if the data stay (ISO 8601, the exact millisecond), or null: never. */
  readonly changes_at: string | null;
  /** Of `segment` alone: why its own filter holds or does not. Paths in it are those of the segment's document. */
  readonly segment?: Explanation;
}

export type VerdictTree =
  | {
      readonly kind: 'and' | 'or';
      readonly path: string;
      readonly verdict: boolean;
      readonly operands: readonly VerdictTree[];
    }
  | { readonly kind: 'not'; readonly path: string; readonly verdict: boolean; readonly operand: VerdictTree }
  /** `clause` is the position in `clauses`. */
  | { readonly kind: 'clause'; readonly path: string; readonly verdict: boolean; readonly clause: number };

/**
 * Explains one user. To explain many users with one filter, use `compileExplanation`.
 *
 * The verdicts are reached by classifying each value, not by asking the predicate; tests hold the two equal.
 */
export function explain(filter: Filter, user: UserRecord, moment: Moment): Explanation {
  return compileExplanation(filter, moment)(user);
}

/** Resolves times and writes sentences once; the function it returns never throws, whatever the record holds. */
export function compileExplanation(filter: Filter, moment: Moment): (user: UserRecord) => Explanation {
  const clauses: ((user: UserRecord) => ClauseExplanation)[] = [];
  const combine = read(combiner, filter, { moment, negated: false, clauses });
  const words = sentence(filter);
  return (user) => {
    const found = clauses.map((clause) => clause(user));
    const tree = combine(found);
    const verdict = new Verdict(tree.verdict, words, () => verdictHorizon(filter, user, moment));
    return Object.assign(verdict, { clauses: found, tree });
  };
}

class Verdict extends Turning {
  readonly matched: boolean;
  readonly sentence: string;

  constructor(matched: boolean, words: string, turns: () => number | null) {
    super(turns);
    this.matched = matched;
    this.sentence = words;
    this.tellTurn();
  }
}

class Clause extends Turning {
  readonly path: string;
  readonly sentence: string;
  readonly negated: boolean;
  readonly verdict: boolean;
  readonly reason: Reason;
  readonly seen: JsonValue;
  readonly wanted: JsonValue;

  constructor(
    said: Pick<ClauseExplanation, 'path' | 'sentence' | 'negated' | 'wanted'>,
    { reason, seen }: Finding,
    turns: () => number | null,
  ) {
    super(turns);
    this.path = said.path;
    this.sentence = said.sentence;
    this.negated = said.negated;
    this.verdict = reason === 'matched';
    this.reason = reason;
    this.seen = seen;
    this.wanted = said.wanted;
    this.tellTurn();
  }
}

interface Scope {
  readonly moment: Moment;
  readonly negated: boolean;
  /** Grows by one for each leaf, in document order. */
  readonly clauses: ((user: UserRecord) => ClauseExplanation)[];
}

type Combine = (clauses: readonly ClauseExplanation[]) => VerdictTree;

const combiner: Reader<Scope, Combine> = {
  and: ({ path, operands }, scope) => {
    const combined = operands.map((operand) => read(combiner, operand, scope));
    return (clauses) => {
      const trees = combined.map((combine) => combine(clauses));
      return { kind: 'and', path, verdict: trees.every(({ verdict }) => verdict), operands: trees };
    };
  },
  or: ({ path, operands }, scope) => {
    const combined = operands.map((operand) => read(combiner, operand, scope));
    return (clauses) => {
      const trees = combined.map((combine) => combine(clauses));
      return { kind: 'or', path, verdict: trees.some(({ verdict }) => verdict), operands: trees };
    };
  },
  not: ({ path, operand }, scope) => {
    const combine = read(combiner, operand, { ...scope, negated: !scope.negated });
    return (clauses) => {
      const tree = combine(clauses);
      return { kind: 'not', path, verdict: !tree.verdict, operand: tree };
    };
  },
  everyone: (leaf, scope) => explained(leaf, scope, judges.everyone(leaf, scope.moment)),
  compare: (leaf, scope) => explained(leaf, scope, judges.compare(leaf, scope.moment)),
  in: (leaf, scope) => explained(leaf, scope, judges.in(leaf, scope.moment)),
  between: (leaf, scope) => explained(leaf, scope, judges.between(leaf, scope.moment)),
  text: (leaf, scope) => explained(leaf, scope, judges.text(leaf, scope.moment)),
  has: (leaf, scope) => explained(leaf, scope, judges.has(leaf, scope.moment)),
  presence: (leaf, scope) => explained(leaf, scope, judges.presence(leaf, scope.moment)),
  percent: (leaf, scope) => explained(leaf, scope, judges.percent(leaf, scope.moment)),
  did: (leaf, scope) => explained(leaf, scope, judges.did(leaf, scope.moment)),
  segment: explainedSegment,
};

function explained(
  leaf: Exclude<Leaf, Segment>,
  { moment, negated, clauses }: Scope,
  { wanted, judge }: Judge,
): Combine {
  const { path } = leaf;
  const words = sentenceOf(leaf);
  const position = clauses.length;
  clauses.push((user) => {
    return new Clause({ path, sentence: words, negated, wanted }, judge(user), () =>
      leafHorizon(leaf, user, moment),
    );
  });
  return clauseAt(path, position);
}

/** Judged by the explanation of its own filter, which goes with the clause. */
function explainedSegment(leaf: Segment, { moment, negated, clauses }: Scope): Combine {
  const { path, key } = leaf;
  const words = sentenceOf(leaf);
  const position = clauses.length;
  const explainMember = compileExplanation(leaf.filter, moment);
  clauses.push((user) => {
    const segment = explainMember(user);
    const { matched } = segment;
    const finding = { reason: matched ? 'matched' : 'different', seen: { member: matched } } as const;
    const said = { path, sentence: words, negated, wanted: { segment: key } };
    const clause = new Clause(said, finding, () => verdictHorizon(leaf.filter, user, moment));
    return Object.assign(clause, { segment });
  });
  return clauseAt(path, position);
}

function clauseAt(path: string, position: number): Combine {
  return (found) => ({
    kind: 'clause',
    path,
    verdict: found[position]?.reason === 'matched',
    clause: position,
  });
}
