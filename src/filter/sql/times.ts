import type { CustomField } from '../fields.js';
import type { Condition } from './condition.js';
import { all, atom, nobody } from './condition.js';
import { member } from './member.js';
import { bindInstant, instantText, withinWritten, writtenTime } from './range.js';
import type { Scope } from './scope.js';

/**
 * A column is one of these times, each once and in order. It holds microseconds: a range around the whole list finds the
 * rows, the cut-off value decides.
 */
export function inTimes(
  column: string,
  times: readonly number[],
  index: Condition['indexes'],
  scope: Scope,
): Condition {
  const [low] = times;
  const high = times.at(-1);
  if (low === undefined || high === undefined) return nobody;
  const from = bindInstant(low, scope.parameters);
  const to = bindInstant(high + 1, scope.parameters);
  const text = `${column} >= ${from} AND ${column} < ${to}`;
  if (low === high) return { text, joint: 'and', indexes: index };
  const cut = `date_trunc('milliseconds', ${column})`;
  return {
    text: `${text} AND ${member(cut, 'timestamptz', times.map(instantText), scope)}`,
    joint: 'and',
    indexes: index,
  };
}

/** The time written in a custom field is one of these. `muster_time` cuts to milliseconds itself. */
export function inWrittenTimes(field: CustomField, times: readonly number[], scope: Scope): Condition {
  const [low] = times;
  const high = times.at(-1);
  if (low === undefined || high === undefined) return nobody;
  const span = withinWritten(field, { from: low, to: high + 1, also: [], without: [] }, scope);
  if (low === high) return span;
  return all([
    span,
    atom(member(writtenTime(scope.row, field), 'timestamptz', times.map(instantText), scope)),
  ]);
}
