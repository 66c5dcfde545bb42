import { refuse } from '../errors/index.js';
import type { Pool } from '../database/pool.js';
import type { WhichUser } from './read.js';

/** Everything about one person as NDJSON, each line with its line break. Refused at the first `next()`: `no_such_user`. */
// eslint-disable-next-line require-yield
export async function* exportUser(_pool: Pool, _which: WhichUser): AsyncGenerator<string, void, undefined> {
  return refuse('not_available_yet', { what: 'exportUser' });
}
