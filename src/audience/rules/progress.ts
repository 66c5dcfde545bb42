import { compilePredicate } from '../../filter/predicate.js';
import type { UserRecord } from '../../filter/record.js';
import type { Moment } from '../../filter/time.js';
import type { Rule } from './model.js';

/** How far somebody is with a checklist. */
export interface Progress {
  readonly done: number;
  readonly of: number;
  readonly items: readonly { readonly key: string; readonly title: string; readonly done: boolean }[];
}

/** Each item's condition asked of the facts as they are: nothing about progress is stored, so nothing can be out of step. */
export function progressOf(rule: Rule, facts: UserRecord, moment: Moment): Progress {
  const items = rule.items.map(({ key, title, done }) => ({
    key,
    title,
    done: compilePredicate(done, moment)(facts),
  }));
  return { done: items.filter((item) => item.done).length, of: items.length, items };
}
