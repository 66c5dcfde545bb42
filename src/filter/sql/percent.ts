import type { Percent } from '../tree.js';
import type { Condition } from './condition.js';
import { atom } from './condition.js';
import type { Scope } from './scope.js';

/** The slice `[low, high)` of the stable hash, in the same float8 arithmetic as in memory. */
export function percent(node: Percent, scope: Scope): Condition {
  const { row, parameters } = scope;
  const salt = parameters.bind(node.salt);
  const hash = `md5(${salt}::text || ':' || COALESCE(${row}.user_id, ${row}.anonymous_id))`;
  const share = `('x' || substr(${hash}, 1, 8))::bit(32)::bigint::float8 / 4294967296 * 100`;
  const upper = `${share} < ${parameters.bind(node.high)}::float8`;
  // No share lies below 0, so the usual slice that starts there is hashed once.
  if (node.low <= 0) return atom(upper);
  return {
    text: `${share} >= ${parameters.bind(node.low)}::float8 AND ${upper}`,
    joint: 'and',
    indexes: null,
  };
}
