import { DatabaseError } from 'pg';
import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { refuse } from '../errors/index.js';
import type { Client, Pool } from './pool.js';
import { beginIn, tellBeginning } from './workspace.js';

/**
 * Runs one statement as `inWorkspace` would, in one trip to the server instead of three: beginning, statement and commit
 * are sent together and done in turn. Where the role cannot be taken the transaction is a failed one, and the server
 * refuses the statement.
 *
 * Errors: as `inWorkspace`.
 */
export async function queryInWorkspace<Row extends QueryResultRow>(
  pool: Pool,
  workspaceId: string,
  query: QueryConfig,
): Promise<QueryResult<Row>> {
  const text = beginIn(pool, workspaceId);
  const client = await pool.connect();
  let broken = false;
  try {
    const [begun, answered, committed] = await together(client, () => [
      client.query(text),
      client.query<Row>(query),
      client.query('COMMIT'),
    ]);
    // An error that is not the server's leaves the connection in doubt.
    broken = [begun, answered, committed].some(
      (each) => each.status === 'rejected' && !(each.reason instanceof DatabaseError),
    );
    if (begun.status === 'rejected') return await tellBeginning(client, begun.reason);
    if (answered.status === 'rejected') throw answered.reason;
    if (committed.status === 'rejected') throw committed.reason;
    if (committed.value.command !== 'COMMIT') refuse('transaction_lost');
    return answered.value;
  } finally {
    client.release(broken);
  }
}

/**
 * Sends queries without waiting for the answer to each. Only for this moment, in which nothing else uses the connection:
 * one that is set up so for good takes no COPY.
 */
async function together<T extends readonly Promise<unknown>[]>(
  client: Client,
  send: () => readonly [...T],
): Promise<{ -readonly [K in keyof T]: PromiseSettledResult<Awaited<T[K]>> }> {
  const line: { pipeline: boolean } = client;
  const usual = line.pipeline;
  line.pipeline = true;
  try {
    return await Promise.allSettled(send());
  } finally {
    line.pipeline = usual;
  }
}
