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
 * "At least once" and "never" are EXISTS, which Postgres turns into a join from whichever side has fewer rows: the events of
 * that name in the window, or the people that the rest of the query leaves. Other counts come in two forms. A statement
 * about a whole workspace, which names its workspace, groups the events once and joins the groups. One about a few people,
 * such as an enrolment, counts in each person's own index, no further than the count needs, and only for those who did it at all.
 *
 * Measured with 150,000 people and 1,000,000 events of 14 months on a busy machine: EXISTS 10 to 600 ms; counting for each
 * of 75,000 people 6 to 10 s, which is why whole workspaces are grouped; counting for one person 5 ms, which is why few
 * people are not.
 *
 * @param where compiles the `where` over the scope `event`; not asked when no count can change the answer, since Postgres
 *   refuses a parameter that nothing reads
 * @param workspace the statement's own parameter for its workspace, or null where it names none
 */
export function did(
  node: Did,
  user: Scope,
  event: Scope,
  where: (() => Condition) | null,
  workspace: string | null,
  negated: boolean,
): Condition {
  const { parameters } = user;
  const asked = demandOf(node.count, negated);
  if (typeof asked === 'boolean') return atom(String(asked));
  const e = event.row;
  const parts = [
    `${e}.workspace_id = ${workspace ?? `${user.row}.workspace_id`}`,
    `${e}.event = ${parameters.bind(node.event)}::text`,
  ];
  if (node.within !== null) {
    parts.push(`${e}.occurred_at >= ${bindInstant(windowStart(node.within, user.moment), parameters)}`);
  }
  // Stored times have microseconds: what happened within the millisecond of now counts.
  parts.push(`${e}.occurred_at < ${bindInstant(user.moment.now + 1, parameters)}`);
  if (where !== null) parts.push(textOf(where()));
  const events = `FROM events ${e} WHERE ${parts.join(' AND ')}`;
  const from = `${events} AND ${e}.end_user_id = ${user.row}.id`;
  const { times, exactly, opposite } = asked;
  const not = opposite ? 'NOT ' : '';
  const indexes = opposite ? null : columnIndex('event', 'event');
  if (times === 1 && !exactly) return atom(`${not}EXISTS (SELECT 1 ${from})`, indexes);
  const wanted = `${parameters.bind(String(times))}::bigint`;
  if (workspace !== null) {
    const having = `count(*) ${exactly ? '=' : '>='} ${wanted}`;
    const groups = `SELECT ${e}.end_user_id ${events} GROUP BY ${e}.end_user_id HAVING ${having}`;
    return atom(
      `${not}EXISTS (SELECT 1 FROM (${groups}) did WHERE did.end_user_id = ${user.row}.id)`,
      indexes,
    );
  }
  // One more than wanted tells "exactly" from "more".
  const limit = exactly ? `${wanted} + 1` : wanted;
  const count = `(SELECT count(*) FROM (SELECT 1 ${from} LIMIT ${limit}) did) = ${wanted}`;
  const text = `EXISTS (SELECT 1 ${from}) AND ${count}`;
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
