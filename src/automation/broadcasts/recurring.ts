import { MusterError } from '../../errors/index.js';
import type { ErrorCode } from '../../errors/index.js';
import type { RunMaker } from '../schedules/perform.js';
import { launchBroadcast } from './launch.js';

/** Refusals of a launch that another attempt would meet as well. */
const final: ReadonlySet<ErrorCode> = new Set([
  'broadcast_not_found',
  'broadcast_archived',
  'broadcast_empty_audience',
  'broadcast_nobody_to_send',
  'broadcast_variable_missing',
  'broadcast_zone_values',
]);

/**
 * Makes a run of a broadcast that recurs: a launch that is named by its scheduled instant, so that asking again finds the
 * launch that there was.
 */
export const broadcastRuns: RunMaker = async (context) => {
  const { pool, run } = context;
  if (run.paused !== false) {
    const stopped = run.paused === null ? 'archived' : 'paused';
    await context.stretch(async () => ({ over: { stopped } }));
    return;
  }
  const name = new Date(run.scheduledFor).toISOString();
  try {
    const { breakdown } = await launchBroadcast(pool, run.workspace, run.key, { run: name });
    const { matched, to_send } = breakdown;
    await context.stretch(async () => ({ over: 'done', tally: { matched, to_send } }));
  } catch (error) {
    if (!(error instanceof MusterError) || !final.has(error.code)) throw error;
    const stopped = error.code;
    await context.stretch(async () => ({ over: { stopped } }));
  }
};
