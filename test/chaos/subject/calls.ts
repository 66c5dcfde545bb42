import { listParked, pauseSeries, resumeSeries } from '../../../src/automation/index.js';
import { openPool } from '../../../src/database/pool.js';
import type { Pool } from '../../../src/database/pool.js';
import { eraseUser, identify, suppress, track, unsubscribe } from '../../../src/traits/index.js';
import { ready, stopped, workspace } from './series.js';

/** Calls that customers make. Each may be repeated when its answer was lost. */
export const calls = {
  async identify(pool: Pool, userId: string, traits: Record<string, unknown>): Promise<void> {
    await identify(pool, { workspaceId: workspace, userId, traits });
  },
  /** `true` lets somebody go on who waits for it; `false` only makes them be looked at. */
  async setReady(pool: Pool, userId: string, value: boolean): Promise<void> {
    await identify(pool, { workspaceId: workspace, userId, traits: { [ready]: value } });
  },
  /** The same message id whenever it is sent again. */
  async track(pool: Pool, userId: string, event: string): Promise<void> {
    await track(pool, { workspaceId: workspace, userId, event, messageId: `${event} ${userId}` });
  },
  async unsubscribe(pool: Pool, userId: string): Promise<void> {
    await unsubscribe(pool, { workspaceId: workspace, userId });
  },
  async suppress(pool: Pool, userId: string): Promise<void> {
    await suppress(pool, { workspaceId: workspace, userId });
  },
  async erase(pool: Pool, userId: string): Promise<void> {
    await eraseUser(pool, { workspaceId: workspace, userId });
  },
  async pause(pool: Pool): Promise<void> {
    await pauseSeries(pool, workspace, stopped.key);
  },
  async resume(pool: Pool): Promise<void> {
    await resumeSeries(pool, workspace, stopped.key);
  },
};

/** Ids of the deliveries that an operator is shown as given up. */
export async function shownAsGivenUp(databaseUrl: string): Promise<string[]> {
  const pool = await openPool(databaseUrl, { max: 1 });
  try {
    const ids: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: Awaited<ReturnType<typeof listParked>> = await listParked(pool, workspace, {
        state: 'failed',
        limit: 1000,
        after,
      });
      ids.push(...page.deliveries.map(({ id }) => id));
      after = page.next;
    }
    return ids;
  } finally {
    await pool.end();
  }
}
