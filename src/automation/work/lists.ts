/**
 * Bound lists as rows: `unnest` of the parameters from `first` on, of these types. The planner does not learn how long the
 * lists are and takes them for short, so that it finds each row that they name by its key, whatever its statistics say of
 * the table; told of hundreds of rows, it would rather read the whole of it.
 */
export const rowsOf = (types: readonly string[], first = 1): string =>
  `unnest(${types.map((type, index) => `(SELECT $${first + index}::${type}[])`).join(', ')})`;
