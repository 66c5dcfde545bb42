import type { Parameters } from './parameters.js';
import type { Scope } from './scope.js';

/**
 * Up to here a list is compared item by item, which an index can serve. Longer lists are hashed, once a statement:
 * `= ANY` of a parameter walks the whole list for every row under a generic plan.
 */
export const shortList = 64;

/** `expression` equals an item. A long list may become a join, its items looked up in an index on the expression. */
export function member(
  expression: string,
  type: string,
  items: readonly unknown[],
  { entity, parameters }: Scope,
): string {
  // An event's condition stands inside a subquery.
  if (items.length > shortList)
    return (entity === 'event' ? hashedMember : lookup)(expression, type, items, parameters);
  return `${expression} = ANY(${parameters.bind(items)}::${type}[])`;
}

/**
 * The same for a place inside another subquery, or beside a condition that has the index: the test keeps the lookup
 * from being planned as a join, which would hash the list again for every row of the surrounding query.
 */
export function hashedMember(
  expression: string,
  type: string,
  items: readonly unknown[],
  parameters: Parameters,
): string {
  return `(${lookup(expression, type, items, parameters)}) IS TRUE`;
}

function lookup(expression: string, type: string, items: readonly unknown[], parameters: Parameters): string {
  return `${expression} IN (SELECT unnest(${parameters.bind(items)}::${type}[]))`;
}
