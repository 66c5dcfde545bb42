import type { Did } from '../../tree.js';
import { windowStart } from '../../did.js';
import { bindInstant } from '../range.js';
import { codeOf, firstOf } from './case.js';
import type { Looks } from './looks.js';

/**
 * Why `did` holds or does not. Everybody's events of the name are counted in one pass: all, those that `where` matches, and
 * of these those in the window.
 *
 * @param where compiles the `where` over the event's row `e`
 */
export function reasonOfDid(
  leaf: Did,
  looks: Looks,
  workspace: string,
  where: (() => string) | null,
): string {
  const { parameters, moment } = looks.user;
  const { event, within, count } = leaf;
  const matching = where === null ? 'true' : `(${where()})`;
  const name = `${parameters.bind(event)}::text`;
  const from =
    within === null ? '' : `e.occurred_at >= ${bindInstant(windowStart(within, moment), parameters)} AND `;
  // Stored times have microseconds: what happened within the millisecond of now counts.
  const inWindow = `${from}e.occurred_at < ${bindInstant(moment.now + 1, parameters)}`;
  const counts = looks.joinPerPerson(
    `SELECT e.end_user_id, count(*) FILTER (WHERE ${matching}) AS matching,
      count(*) FILTER (WHERE ${matching} AND ${inWindow}) AS times
     FROM events e WHERE e.workspace_id = ${workspace} AND e.event = ${name} GROUP BY e.end_user_id`,
  );
  const times = looks.at(`COALESCE(${counts}.times, 0)`);
  const operator = count.operator === '==' ? '=' : count.operator === '!=' ? '<>' : count.operator;
  return firstOf(
    [
      [`${times} ${operator} ${parameters.bind(String(count.value))}::bigint`, codeOf('matched')],
      [`${looks.at(`${counts}.end_user_id`)} IS NULL`, codeOf('missing')],
      [`${times} = 0 AND ${looks.at(`${counts}.matching`)} > 0`, codeOf('outside_window')],
    ],
    codeOf('different'),
  );
}
