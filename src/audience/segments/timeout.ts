import type { Client } from '../../database/pool.js';

/**
 * Runs statements of a transaction under a time limit of their own. One that takes longer fails with Postgres' `57014`, and what was
 * done here is taken back; the transaction goes on. Waiting for somebody's lock is no fault of the statement: it fails with `55P03` in
 * half the time, so that the two are told apart.
 */
export async function amidstTimeout<T>(
  client: Client,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  await client.query(
    `SAVEPOINT muster_segments; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)};
     SET LOCAL lock_timeout = ${Math.ceil(timeoutMs / 2)}`,
  );
  try {
    const result = await work();
    await client.query(
      'RELEASE SAVEPOINT muster_segments; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0',
    );
    return result;
  } catch (error) {
    // A lost connection says so by itself.
    await client.query('ROLLBACK TO SAVEPOINT muster_segments').catch(() => undefined);
    throw error;
  }
}
