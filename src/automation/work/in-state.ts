/**
 * A test of a row's state, for statements that name their rows by key. Written so that no partial index fits it: a planner
 * that takes the rows under way for few reads all of them for each one that is named.
 */
export const inState = (row: string, state: 'active' | 'claimed' | 'enqueued' | 'pending'): string =>
  `${row}.state IS NOT DISTINCT FROM '${state}'`;
