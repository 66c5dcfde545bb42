import type { Pool } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import type { PageRecord, UserRecord } from '../../filter/record.js';
import type { Moment } from '../../filter/time.js';
import type { Filter } from '../../filter/tree.js';
import { readUserRecord } from '../../traits/read.js';
import { evaluateRule } from './evaluate.js';
import type { RuleEvaluation } from './evaluate.js';
import { conditionsOf } from './model.js';
import type { Rule } from './model.js';
import { progressOf } from './progress.js';
import type { Progress } from './progress.js';

export interface EvaluateForUser {
  readonly workspaceId: string;
  readonly userId: string;
  /** The page that the rule is asked about; without one its `page:` fields are missing. */
  readonly page?: PageRecord | undefined;
  readonly moment: Moment;
}

/** A rule's value for one person, why, and how far they are with a checklist. */
export type PersonEvaluation = RuleEvaluation & { readonly progress?: Progress };

/** Evaluates a rule for a stored person. Errors: `no_such_user`, `too_many_events`. */
export async function evaluateRuleForUser(
  pool: Pool,
  rule: Rule,
  { workspaceId, userId, page, moment }: EvaluateForUser,
): Promise<PersonEvaluation> {
  const record = await readUserRecord(pool, { workspaceId, userId, filter: askedBy([rule]) });
  if (record === null)
    return refuse('no_such_user', { user_id: userId, workspace: workspaceId }, { path: '/user_id' });
  return evaluateWithProgress(rule, page === undefined ? record : { ...record, page }, moment);
}

/** The same for facts that the caller has. */
export function evaluateWithProgress(rule: Rule, facts: UserRecord, moment: Moment): PersonEvaluation {
  const evaluation = evaluateRule(rule, facts, moment);
  return rule.items.length === 0 ? evaluation : { ...evaluation, progress: progressOf(rule, facts, moment) };
}

/** All that rules can come to ask, as one filter: it says which events have to be read. */
export function askedBy(rules: readonly Rule[]): Filter | undefined {
  const operands = rules.flatMap((rule) => conditionsOf(rule, { items: true }));
  return operands.length === 0 ? undefined : { kind: 'or', path: '', operands };
}
