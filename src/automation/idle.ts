import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from '../database/pool.js';

/** A function that waits until nothing is left to do now, looking every 20 milliseconds. */
export function idleCheck(pool: Pool, nudge: () => void): (timeout?: number) => Promise<void> {
  return async (timeout = 10_000) => {
    const until = performance.now() + timeout;
    nudge();
    for (;;) {
      const { rows } = await pool.query<{ busy: boolean }>(isBusy);
      if (rows[0]?.busy === false) return;
      if (performance.now() > until) throw new Error(`the automation was still busy after ${timeout} ms`);
      await sleep(20);
    }
  };
}

const isBusy = `
  SELECT EXISTS (SELECT FROM segment_changes)
    OR EXISTS (SELECT FROM workspaces WHERE zone_followed_to IS NOT NULL)
    OR EXISTS (SELECT FROM segments WHERE state = 'building')
    OR EXISTS (SELECT FROM segment_edges WHERE next_at <= statement_timestamp())
    OR EXISTS (SELECT FROM outbox WHERE NOT parked AND retry_at <= statement_timestamp())
    OR EXISTS (SELECT FROM schedules WHERE next_at <= statement_timestamp())
    OR EXISTS (SELECT FROM schedule_runs WHERE state = 'running' AND retry_at <= statement_timestamp())
    OR EXISTS (SELECT FROM work WHERE state = 'enqueued')
    OR EXISTS (SELECT FROM work WHERE state = 'claimed')
    OR EXISTS (SELECT FROM work WHERE state = 'pending' AND NOT held AND due_at <= statement_timestamp()) AS busy`;
