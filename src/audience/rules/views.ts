import { linesOf } from './words.js';
import type { RuleLine } from './words.js';
import type { Outcome } from './model.js';
import type { WorkspaceRule } from './store.js';

/** A rule as the API shows it in a list. Plain JSON. */
export interface RuleSummary {
  readonly key: string;
  readonly title: string;
  readonly decides: string;
  readonly version: number;
  readonly source: 'workspace' | 'example';
  readonly outcomes: readonly Outcome[];
  readonly updated_at: string | null;
}

/** A rule alone: its document, and the whole of it in words. */
export interface RuleView extends RuleSummary {
  readonly default: Outcome;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly lines: readonly RuleLine[];
}

export function ruleSummary({ rule, source, updated_at: at }: WorkspaceRule): RuleSummary {
  const { key, title, decides, version, outcomes } = rule;
  return { key, title, decides, version, source, outcomes, updated_at: at?.toISOString() ?? null };
}

export function ruleView(found: WorkspaceRule): RuleView {
  const { rule } = found;
  return { ...ruleSummary(found), default: rule.default, definition: rule.source, lines: linesOf(rule) };
}
