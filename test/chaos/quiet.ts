import { ask } from './postgres.js';

/** Whether nothing is left to do, now or later. */
export async function isQuiet(databaseUrl: string): Promise<boolean> {
  const [row] = await ask<{ quiet: boolean }>(databaseUrl, quiet);
  return row?.quiet ?? false;
}

const quiet = `
  SELECT NOT EXISTS (SELECT FROM outbox)
    AND NOT EXISTS (SELECT FROM work WHERE state IN ('pending', 'enqueued', 'claimed'))
    AND NOT EXISTS (SELECT FROM broadcast_runs WHERE state IN ('running', 'paused'))
    AND NOT EXISTS (SELECT FROM enrollments WHERE state = 'active') AS quiet`;
