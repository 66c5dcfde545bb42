import type { Client } from '../../database/pool.js';
import { errorText } from '../loop.js';

/**
 * Does something for all of them at once; where that fails one by one, so that one person's data cannot keep the others
 * out. `failed` hears of those with whom it failed alone. Inside a transaction, which stands as if they had not been tried.
 *
 * Throws where the failure says nothing about them, as when the connection is lost: then all of it is tried again.
 */
export async function eachApart<T>(
  client: Client,
  items: readonly T[],
  run: (items: readonly T[]) => Promise<void>,
  failed: (item: T, error: string) => Promise<void>,
): Promise<void> {
  if (items.length === 0) return;
  try {
    await savepoint(client, () => run(items));
  } catch (error) {
    if (!isStatementError(error)) throw error;
    const [only] = items;
    if (items.length === 1 && only !== undefined) await failed(only, errorText(error));
    else for (const item of items) await eachApart(client, [item], run, failed);
  }
}

async function savepoint<T>(client: Client, run: () => Promise<T>): Promise<T> {
  await client.query('SAVEPOINT series');
  try {
    const result = await run();
    await client.query('RELEASE SAVEPOINT series');
    return result;
  } catch (error) {
    // Fails too where the connection is gone; the first error says why.
    await client.query('ROLLBACK TO SAVEPOINT series').catch(() => undefined);
    throw error;
  }
}

/**
 * Whether the series is to blame. A lost connection, a shutdown, a deadlock or a full disk say nothing about it: then the
 * whole transaction is rolled back and tried again.
 */
function isStatementError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('problems' in error) return true;
  if (!('code' in error) || typeof error.code !== 'string') return false;
  // 57014 is a statement that ran into its time limit: that is the filter's doing.
  return error.code === '57014' || !/^(08|25|40|53|55|57|58|XX|E)/.test(error.code);
}
