import type { Parameters } from './parameters.js';

/**
 * Up to here a list is compared item by item, which an index on the column or the GIN index serves. Longer lists are
 * hashed once a statement: `= ANY` of a parameter would walk the list for every row under a generic plan.
 */
export const shortList = 64;

/** `expression` equals an item of one array parameter. */
export function member(
  expression: string,
  type: string,
  items: readonly unknown[],
  parameters: Parameters,
): string {
  const list = `${parameters.bind(items)}::${type}[]`;
  return items.length <= shortList
    ? `${expression} = ANY(${list})`
    : `${expression} IN (SELECT unnest(${list}))`;
}
