import type { Client } from '../../database/pool.js';

/** Whether this transaction may do the work until it ends; no when another one is at it. */
export async function takeTurn(client: Client, work: string): Promise<boolean> {
  const { rows } = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('muster upkeep ' || $1, 0)) AS mine`,
    [work],
  );
  return rows[0]?.mine === true;
}
