import type { Client } from '../../database/pool.js';

/**
 * Waits for everybody else who begins a message under a cap to one of these people, until the transaction is over: whoever
 * counts after that counts what those wrote. The statement that counts is to be another one, which sees it.
 */
export async function lockContacts(
  client: Client,
  people: readonly { readonly workspace: string; readonly endUser: string }[],
): Promise<void> {
  await client.query(lockPeople, [
    people.map(({ workspace }) => workspace),
    people.map(({ endUser }) => endUser),
  ]);
}

// In one order, so that two batches cannot wait for each other in a circle. The first key tells these locks from others.
const lockPeople = `
  SELECT pg_advisory_xact_lock(731684, person.key)
  FROM (
    SELECT DISTINCT hashtext(workspace_id || ' ' || id) AS key
    FROM unnest($1::text[], $2::text[]) AS person (workspace_id, id)
    ORDER BY key
  ) AS person`;
