import type { Pool } from '../../database/pool.js';
import { beginCapped } from './begin-capped.js';
import { addBegun, beginSending, beginValues } from './begin-statement.js';
import type { BeginRequest, Begun, BegunRow } from './begin-statement.js';
import { byWork } from './give-back.js';

export type { BeginRequest, Begun } from './begin-statement.js';

const beginFree = beginSending();

/**
 * Writes the deliveries down before their channels are called, all in one statement, and answers for each what may be
 * done. Whether anything may be sent to the person is asked here once more. Those with frequency caps are counted one
 * after the other for each person, so that two series cannot both have the last place.
 */
export async function beginDeliveries(
  pool: Pool,
  requests: readonly BeginRequest[],
): Promise<readonly Begun[]> {
  // In the order of renewals, so that the two do not wait for each other in a circle.
  const sorted = requests.toSorted(byWork);
  const capped = sorted.filter(({ caps }) => caps.length > 0);
  const free = sorted.filter(({ caps }) => caps.length === 0);
  const begun = new Map<string, Begun>();
  if (free.length > 0) {
    const { rows } = await pool.query<BegunRow>(beginFree, beginValues(free));
    addBegun(begun, rows);
  }
  if (capped.length > 0) await beginCapped(pool, capped, begun);
  return requests.map((request) => begun.get(request.token) ?? { verdict: 'lost' });
}
