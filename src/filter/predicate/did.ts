import { admits, isIn, occurrencesOf, spanOf, stepsOf } from '../did.js';
import type { Span } from '../did.js';
import type { Predicate } from './compiled.js';
import type { UserRecord } from '../record.js';
import type { Moment } from '../time.js';
import type { Did } from '../tree.js';
import { cost } from './compiled.js';
import type { Compiled } from './compiled.js';

/** Counts a user's events. `matches` is the compiled `where`, over an event as a record. */
export function did(node: Did, moment: Moment, matches: Compiled): Compiled {
  const span = spanOf(node, moment);
  // No further event can change the verdict once the last step is reached.
  const enough = Math.max(...stepsOf(node.count));
  return {
    test: (user) => admits(node.count, countUpTo(enough, node.event, user, span, matches.test)),
    cost: cost.list * 4 + matches.cost,
  };
}

function countUpTo(enough: number, event: string, user: UserRecord, span: Span, matches: Predicate): number {
  let times = 0;
  for (const { instant, record } of occurrencesOf(event, user)) {
    if (times >= enough) break;
    if (isIn(span, instant) && matches(record)) times += 1;
  }
  return times;
}
