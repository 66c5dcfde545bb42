import type { Filter } from '../../filter/tree.js';

/** What a rule can decide. What is shown on a page is asked of all at once; the rest is asked by key. */
export const decisions = ['checklist', 'tour', 'tooltip', 'banner', 'slack_mode', 'value'] as const;

export type Decision = (typeof decisions)[number];

/** What is shown on a page, and so also asked about pages. */
export const shownDecisions = ['tooltip', 'banner', 'checklist', 'tour'] as const;

export type ShownDecision = (typeof shownDecisions)[number];

export function isShown(decision: Decision): decision is ShownDecision {
  const shown: readonly string[] = shownDecisions;
  return shown.includes(decision);
}

/** The outcome that shows nothing; every other one shows, as that variant. */
export const hidden = 'hide';

/** What a rule returns. Scalars only, so that nothing returned can be taken for a rule of its own. */
export type Outcome = string | number | boolean;

/** A decision rule: JSON Logic that returns a value, as it was checked. */
export interface Rule {
  readonly key: string;
  readonly title: string;
  readonly decides: Decision;
  /** Grows with each change; 1 where the document says nothing. */
  readonly version: number;
  /** All that it may return. */
  readonly outcomes: readonly Outcome[];
  /** What it returns where no branch is taken; one of the outcomes. */
  readonly default: Outcome;
  readonly expression: Expression;
  /** What a checklist consists of; empty for every other decision. */
  readonly items: readonly Item[];
  /** The document as it was written. */
  readonly source: Readonly<Record<string, unknown>>;
}

/** `path` is the JSON Pointer of the place in the document; so are the paths inside the filters. */
export type Expression =
  | { readonly kind: 'outcome'; readonly path: string; readonly value: Outcome }
  /** A condition in the place of a value: true or false. */
  | { readonly kind: 'condition'; readonly path: string; readonly condition: Filter }
  | {
      readonly kind: 'if';
      readonly path: string;
      readonly branches: readonly Branch[];
      /** Null: the rule's default. */
      readonly otherwise: Expression | null;
    };

export interface Branch {
  readonly condition: Filter;
  readonly result: Expression;
}

/** One thing to do on a checklist. Whether it is done is asked of the facts, so that no progress is stored. */
export interface Item {
  readonly key: string;
  readonly title: string;
  readonly done: Filter;
}

/** What a rule came to, and the way there. */
export interface Choice {
  readonly value: Outcome;
  /** Place of the value in the document; `/default` where no branch was taken. */
  readonly path: string;
  /** The conditions that were asked, in that order, each with its verdict. */
  readonly asked: readonly { readonly condition: Filter; readonly verdict: boolean }[];
}

/** Bounds of one rule. The nodes of all its conditions together are those of one filter. */
export const ruleLimits = {
  outcomes: 50,
  /** UTF-8 bytes of an outcome, of a title. */
  outcomeBytes: 100,
  titleBytes: 200,
  items: 30,
  /** UTF-8 bytes of the whole document as JSON. */
  documentBytes: 100_000,
} as const;

/** Every condition that a rule can come to ask, in the order of the document; those of its items too where asked for. */
export function conditionsOf(rule: Rule, { items = false }: { items?: boolean } = {}): Filter[] {
  const found: Filter[] = [];
  const walk = (expression: Expression | null): void => {
    if (expression === null || expression.kind === 'outcome') return;
    if (expression.kind === 'condition') {
      found.push(expression.condition);
      return;
    }
    for (const { condition, result } of expression.branches) {
      found.push(condition);
      walk(result);
    }
    walk(expression.otherwise);
  };
  walk(rule.expression);
  return items ? [...found, ...rule.items.map(({ done }) => done)] : found;
}
