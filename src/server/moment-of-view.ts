import { zoneOf } from '../audience/workspace.js';
import type { Pool } from '../database/pool.js';
import { isDay } from '../filter/day.js';
import type { Moment } from '../filter/time.js';

/**
 * The moment at which a person or company is shown. The zone decides only when a signup that is a day began, so that it is
 * not looked up for any other.
 */
export async function momentOfView(
  pool: Pool,
  workspaceId: string,
  { signed_up_at: signup }: { readonly signed_up_at: Date | null },
  now: number,
): Promise<Moment> {
  const needsZone = signup !== null && isDay(signup.getTime());
  return { now, zone: needsZone ? await zoneOf(pool, workspaceId) : 'UTC' };
}
