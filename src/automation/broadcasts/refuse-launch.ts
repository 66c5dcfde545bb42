import { MusterError, problem, refuse } from '../../errors/index.js';
import type { Breakdown } from './breakdown.js';
import type { MissingVariable } from './freeze.js';
import { verdicts } from './model.js';
import type { BroadcastDefinition } from './model.js';

/** Refuses a launch whose time is over. Error: `broadcast_time_over`. */
export function refuseTime({ key, schedule }: BroadcastDefinition): never {
  const at =
    schedule.kind === 'at'
      ? new Date(schedule.at).toISOString()
      : schedule.kind === 'local'
        ? `${new Date(schedule.date + schedule.time * 60_000).toISOString().slice(0, 16)} on the clock of the ${schedule.zone}`
        : 'now';
  return refuse('broadcast_time_over', { key, at }, { path: '/schedule' });
}

/** Refuses a launch that would reach nobody, or that would tell everybody about a gap. */
export function refuseUnsendable(
  { key }: BroadcastDefinition,
  breakdown: Breakdown,
  missing: readonly MissingVariable[],
): void {
  const { matched, to_send: toSend } = breakdown;
  const details = { details: { breakdown } };
  if (matched === 0) refuse('broadcast_empty_audience', { key }, { path: '/audience', ...details });
  if (toSend === 0) {
    const why = verdicts
      .filter((verdict) => breakdown[verdict] > 0)
      .map((verdict) => `${breakdown[verdict]} ${verdict}`)
      .join(', ');
    refuse('broadcast_nobody_to_send', { key, matched, why }, { path: '/audience', ...details });
  }
  if (missing.length === 0) return;
  throw new MusterError(
    missing.map(({ variable: { field, path }, count }) =>
      problem('broadcast_variable_missing', { field, count }, { path }),
    ),
    details,
  );
}
