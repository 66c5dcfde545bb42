import type { Client } from '../../database/pool.js';
import { nowColumn } from '../facts/person.js';

/** Now, in milliseconds since 1970 (UTC), inside the transaction that goes by it. */
export type Clock = (client: Client) => Promise<number>;

/** The clock of Postgres, which every scheduler shares. */
export const databaseClock: Clock = async (client) => {
  const { rows } = await client.query<{ now: number }>(readNow);
  const [row] = rows;
  if (row === undefined) throw new Error('a statement without a table answers one row');
  return row.now;
};

const readNow = `SELECT ${nowColumn}`;
