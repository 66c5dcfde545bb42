import { admits, isIn, occurrencesOf, spanOf } from '../did.js';
import { compilePredicate } from '../predicate.js';
import type { UserRecord } from '../record.js';
import type { Moment } from '../time.js';
import type { Did } from '../tree.js';
import type { Finding, Judge } from './judges.js';
import { shown, wantedLiteral } from './show.js';
import type { JsonValue } from './show.js';

/**
 * Judges how often a person did something. `missing`: no event of that name at all; `outside_window`: events that
 * match, but none of them in the window; `different`: any other number than was asked for.
 */
export function judgeDid(leaf: Did, moment: Moment): Judge {
  const span = spanOf(leaf, moment);
  const matches = leaf.where === null ? (): boolean => true : compilePredicate(leaf.where, moment);
  return {
    wanted: wantedOf(leaf, moment),
    judge: (user: UserRecord): Finding => {
      const named = occurrencesOf(leaf.event, user);
      const instants = named.flatMap(({ instant, record }) =>
        !Number.isNaN(instant) && matches(record) ? [instant] : [],
      );
      const count = instants.filter((instant) => isIn(span, instant)).length;
      const seen = { count, last_at: lastOf(instants) };
      if (admits(leaf.count, count)) return { reason: 'matched', seen };
      if (named.length === 0) return { reason: 'missing', seen };
      return { reason: count === 0 && instants.length > 0 ? 'outside_window' : 'different', seen };
    },
  };
}

/** When the latest of them happened, in the window or not. */
function lastOf(instants: readonly number[]): JsonValue {
  if (instants.length === 0) return null;
  return shown(new Date(instants.reduce((latest, instant) => Math.max(latest, instant))));
}

function wantedOf({ count, within }: Did, moment: Moment): JsonValue {
  const since =
    within === null ? null : wantedLiteral({ type: 'time', value: { kind: 'ago', ...within } }, moment);
  return { count: [count.operator, count.value], since };
}
