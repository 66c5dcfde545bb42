import { windowStart } from '../did.js';
import type { CompareOperator, Count, Did } from '../tree.js';
import type { Condition } from './condition.js';
import { atom, textOf } from './condition.js';
import { columnIndex } from './indexes.js';
import { bindInstant } from './range.js';
import type { Scope } from './scope.js';

/** The scope of one event. Its alias differs from the user's, which is all that it can clash with. */
export function eventScope(user: Scope): Scope {
  return { ...user, entity: 'event', row: user.row === 'e' ? 'event' : 'e' };
}

/**
 * How often a person did something. Never NULL, so that the opposite is the opposite count.
 *
 * Whoever did it at least once is found by EXISTS, which Postgres turns into a join from whichever side has fewer rows: the
 * events of that name in the window, or the people that the rest of the query leaves. Only for them is counted, event by
 * event in the person's own index and no further than the count needs. What includes those who never did it is the
 * complement of that, not a count over everybody.
 *
 * Ways that lost: a bare count for each person (reads everybody's events, 20 times slower where few did it); people IN a
 * grouped list of events (groups all events of the workspace even where the query asks about one person, as an enrolment does).
 *
 * @param where compiles the `where` over the scope `event`; not asked when no count can change the answer, since Postgres
 *   refuses a parameter that nothing reads
 * @param workspace the workspace in SQL: the statement's own parameter, or the user's column
 */
export function did(
  node: Did,
  user: Scope,
  event: Scope,
  where: (() => Condition) | null,
  workspace: string,
  negated: boolean,
): Condition {
  const { parameters } = user;
  const asked = demandOf(node.count, negated);
  if (typeof asked === 'boolean') return atom(String(asked));
  const e = event.row;
  const parts = [
    `${e}.workspace_id = ${workspace}`,
    `${e}.end_user_id = ${user.row}.id`,
    `${e}.event = ${parameters.bind(node.event)}::text`,
  ];
  if (node.within !== null) {
    parts.push(`${e}.occurred_at >= ${bindInstant(windowStart(node.within, user.moment), parameters)}`);
  }
  // Stored times have microseconds: what happened within the millisecond of now counts.
  parts.push(`${e}.occurred_at < ${bindInstant(user.moment.now + 1, parameters)}`);
  if (where !== null) parts.push(textOf(where()));
  const from = `FROM events ${e} WHERE ${parts.join(' AND ')}`;
  const once = `EXISTS (SELECT 1 ${from})`;
  const { times, exactly, opposite } = asked;
  const indexes = opposite ? null : columnIndex('event', 'event');
  if (times === 1 && !exactly) return atom(opposite ? `NOT ${once}` : once, indexes);
  const limit = `${parameters.bind(String(exactly ? times + 1 : times))}::bigint`;
  const found = exactly ? `${parameters.bind(String(times))}::bigint` : limit;
  const count = `(SELECT count(*) FROM (SELECT 1 ${from} LIMIT ${limit}) some_events) = ${found}`;
  const text = `${once} AND ${count}`;
  return opposite ? atom(`NOT (${text})`) : { text, joint: 'and', indexes };
}

/** At least (or exactly) so many times, 1 or more, or the opposite of it; or what no count can change. */
type Demand = boolean | { readonly times: number; readonly exactly: boolean; readonly opposite: boolean };

const opposites: Readonly<Record<CompareOperator, CompareOperator>> = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

function demandOf({ operator, value }: Count, negated: boolean): Demand {
  return demands[negated ? opposites[operator] : operator](value);
}

const demands: Readonly<Record<CompareOperator, (value: number) => Demand>> = {
  '>=': (value) => atLeast(value, false),
  '<': (value) => atLeast(value, true),
  '>': (value) => atLeast(value + 1, false),
  '<=': (value) => atLeast(value + 1, true),
  '==': (value) => (value === 0 ? atLeast(1, true) : { times: value, exactly: true, opposite: false }),
  '!=': (value) => (value === 0 ? atLeast(1, false) : { times: value, exactly: true, opposite: true }),
};

/** Everybody did everything at least 0 times. */
function atLeast(times: number, opposite: boolean): Demand {
  return times === 0 ? !opposite : { times, exactly: false, opposite };
}
