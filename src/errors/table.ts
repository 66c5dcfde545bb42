/**
 * One entry of the error table.
 *
 * `message` and `hint` are templates: `{name}` is replaced by the value of that name. Messages are lower case
 * without a full stop, and put what the user typed in backticks.
 */
export interface ErrorEntry {
  /** HTTP status that the API answers with. */
  readonly status: 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  /** Exit code of the command line: 2 bad input, 3 server out of reach. */
  readonly exit: 2 | 3;
  readonly message: string;
  readonly hint: string;
}
