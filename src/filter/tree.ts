import type { Field } from './fields.js';
import type { Time, Unit } from './time.js';

/**
 * The typed tree that a filter is parsed into. Every reader (SQL, predicate, explanation, sentence, printer) is one
 * table typed over all of `FilterKind`, so that a new kind breaks the build until each reader handles it.
 *
 * `path` is the JSON Pointer of the node in the document it was parsed from; equality of trees ignores it.
 */
export type Filter = And | Or | Not | Leaf;

export type Leaf =
  Everyone | Compare | OneOf | Between | TextMatch | Has | Presence | Percent | Did | Segment;

export type FilterKind = Filter['kind'];
export type LeafKind = Leaf['kind'];

interface NodeByKind {
  and: And;
  or: Or;
  not: Not;
  everyone: Everyone;
  compare: Compare;
  in: OneOf;
  between: Between;
  text: TextMatch;
  has: Has;
  presence: Presence;
  percent: Percent;
  did: Did;
  segment: Segment;
}

/** The node type of a kind; written as a look-up, so that the compiler keeps a node and its kind together. */
export type NodeOf<K extends FilterKind> = { [P in K]: NodeByKind[P] & { readonly kind: P } }[K];

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';
/** `matches` stands in decision rules only: a filter knows no patterns. */
export type TextOperator = 'contains' | 'starts_with' | 'ends_with' | 'matches';
export type HasOperator = 'has' | 'has_any' | 'has_all';
export type PresenceOperator = 'exists' | 'missing';

interface Node {
  readonly path: string;
}

/** True where every operand is true. At least one operand. */
export interface And extends Node {
  readonly kind: 'and';
  readonly operands: readonly Filter[];
}

/** True where at least one operand is true. At least one operand. */
export interface Or extends Node {
  readonly kind: 'or';
  readonly operands: readonly Filter[];
}

/** The exact complement of what it wraps: people whose field is missing are included. */
export interface Not extends Node {
  readonly kind: 'not';
  readonly operand: Filter;
}

/** The explicit whole audience. */
export interface Everyone extends Node {
  readonly kind: 'everyone';
}

/**
 * `==` `!=` `<` `<=` `>` `>=`. The literal's type is the comparison's type.
 * Missing or null: false, `!=` included. Another type: false, a type mismatch. Empty text: a value like any other.
 */
export interface Compare extends Node {
  readonly kind: 'compare';
  readonly operator: CompareOperator;
  readonly subject: Subject;
  readonly value: Literal;
}

/**
 * `in` with a list: equals one of the items, by type and value. At least one item; items may differ in type.
 * Missing or null: false. A type that no item has: false, a type mismatch. Empty text: a value like any other.
 */
export interface OneOf extends Node {
  readonly kind: 'in';
  readonly subject: Subject;
  readonly items: readonly Literal[];
}

/**
 * `between`, both ends included; both ends have one type.
 * Missing or null: false. Another type: false, a type mismatch. Empty text: ordered before every other text.
 */
export interface Between extends Node {
  readonly kind: 'between';
  readonly subject: Subject;
  readonly low: Literal;
  readonly high: Literal;
}

/**
 * `contains` `starts_with` `ends_with`; no character is a wildcard. In `matches`, `*` is any run of characters but `/`,
 * `**` any run at all.
 * Missing or null: false. Not a text (a list included): false, a type mismatch. Empty text: every text contains it.
 */
export interface TextMatch extends Node {
  readonly kind: 'text';
  readonly operator: TextOperator;
  readonly subject: Subject;
  readonly text: string;
}

/**
 * `has` `has_any` `has_all`: items of a JSON array by type and value, or of a text split at commas and trimmed of
 * ASCII spaces. Missing or null: false. A number, boolean or object: false, a type mismatch. Empty text: the one item `""`.
 */
export interface Has extends Node {
  readonly kind: 'has';
  readonly operator: HasOperator;
  readonly field: Field;
  /** One item for `has`. Never times. */
  readonly items: readonly ScalarLiteral[];
}

/** `exists` `missing`. Absent key, JSON null and SQL NULL are all missing; empty text, false, 0 and [] are values. */
export interface Presence extends Node {
  readonly kind: 'presence';
  readonly operator: PresenceOperator;
  readonly field: Field;
}

/**
 * The slice `[low, high)` of a stable hash: first 8 hex digits of md5(salt + ":" + user_id) as an unsigned number,
 * divided by 2^32, times 100. `anonymous_id` stands in where there is no `user_id`; with neither: false.
 */
export interface Percent extends Node {
  readonly kind: 'percent';
  readonly salt: string;
  readonly low: number;
  readonly high: number;
}

/**
 * How often a person did something: the number of their events of this name that match `where`, from the window's start
 * (`ago(within)`; without a window from the beginning) to now, both included, compared with `count`.
 * A person without events did everything 0 times, so nothing is ever missing and `!` is the opposite count.
 */
export interface Did extends Node {
  readonly kind: 'did';
  readonly event: string;
  readonly count: Count;
  readonly within: Window | null;
  /** A filter of which every field is a property of the event; neither `did` nor `percent` stands in it. */
  readonly where: Filter | null;
}

/**
 * Membership in a saved segment, which is what the segment's filter says at that instant. Two with one key have one
 * filter, as it was saved when the tree was parsed; paths inside it are those of its own document.
 */
export interface Segment extends Node {
  readonly kind: 'segment';
  readonly key: string;
  readonly filter: Filter;
}

export interface Count {
  readonly operator: CompareOperator;
  /** A whole number from 0 on. */
  readonly value: number;
}

/** The length of time up to now. */
export interface Window {
  readonly amount: number;
  readonly unit: Unit;
}

/** What a comparison looks at: a field, its text ASCII case-folded first when `lower`. */
export interface Subject {
  readonly field: Field;
  readonly lower: boolean;
}

export type ScalarLiteral =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean };

export type Literal = ScalarLiteral | { readonly type: 'time'; readonly value: Time };

export type LiteralType = Literal['type'];

/** One reader of the tree: an entry for every kind, no default. */
export type Reader<Context, Result> = {
  readonly [K in FilterKind]: (node: NodeOf<K>, context: Context) => Result;
};

/** Hands the node to its entry in the reader. */
export function read<Context, Result, K extends FilterKind>(
  reader: Reader<Context, Result>,
  node: NodeOf<K>,
  context: Context,
): Result {
  const { kind }: { readonly kind: K } = node;
  return reader[kind](node, context);
}

/**
 * The leaves in document order; `did` is one leaf, whatever its `where` holds, and so is `segment`. Each with whether an odd number of `!` stands above it.
 */
export function leavesOf(filter: Filter): { leaf: Leaf; negated: boolean }[] {
  const found: { leaf: Leaf; negated: boolean }[] = [];
  const walk = (node: Filter, negated: boolean): void => {
    if (node.kind === 'and' || node.kind === 'or') {
      for (const operand of node.operands) walk(operand, negated);
    } else if (node.kind === 'not') {
      walk(node.operand, !negated);
    } else {
      found.push({ leaf: node, negated });
    }
  };
  walk(filter, false);
  return found;
}

/**
 * The leaves that decide in the end, in document order: those of the segments that stand in the filter in the place of
 * `segment`, each segment once. What a filter depends on is read off them.
 */
export function leavesWithin(filter: Filter): Exclude<Leaf, Segment>[] {
  const found: Exclude<Leaf, Segment>[] = [];
  const seen = new Set<string>();
  const walk = (node: Filter): void => {
    for (const { leaf } of leavesOf(node)) {
      if (leaf.kind !== 'segment') found.push(leaf);
      else if (!seen.has(leaf.key)) {
        seen.add(leaf.key);
        walk(leaf.filter);
      }
    }
  };
  walk(filter);
  return found;
}
