import { refuse } from '../errors/index.js';
import type { Client, Pool } from './pool.js';

export interface TransactionOptions {
  /** `repeatable read` gives every statement the same view of the data; default `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
}

/**
 * Runs `work` in one transaction on one connection: committed when it resolves, rolled back when it rejects.
 *
 * It sees every workspace, as the user that the pool connects as. What concerns one workspace goes through
 * `inWorkspace`.
 *
 * Throws what `work` throws, or `transaction_lost` when the server turned the commit into a rollback. A connection whose
 * state is in doubt does not go back to the pool.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: Client) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return transact(pool, (client) => client.query(beginStatement(options)), work);
}

/** The same, begun in another way. */
export async function transact<T>(
  pool: Pool,
  begin: (client: Client) => Promise<unknown>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await begin(client);
    const result = await work(client);
    // After a failed statement the server answers a commit with ROLLBACK, and no error.
    const { command } = await client.query('COMMIT');
    if (command !== 'COMMIT') refuse('transaction_lost');
    return result;
  } catch (error) {
    try {
      await client.query('ROLLBACK');
    } catch (rollbackError) {
      broken = rollbackError instanceof Error ? rollbackError : new Error('rollback failed');
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

export function beginStatement(options: TransactionOptions): string {
  const isolation =
    options.isolation === undefined ? '' : ` ISOLATION LEVEL ${options.isolation.toUpperCase()}`;
  return `BEGIN${isolation}${options.readOnly === true ? ' READ ONLY' : ''}`;
}
