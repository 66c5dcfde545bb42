import type { SeriesDefinition, Step } from './model.js';
import type { Active, Advance, Facts, Footprint, SeriesState } from './moves.js';

/**
 * One move of a series: the next state, what to do there, and when to ask again. `now` is in milliseconds since 1970 (UTC).
 *
 * Pure: production, simulation and tests run this same function.
 */
export function advance(
  definition: SeriesDefinition,
  state: SeriesState,
  facts: Facts,
  now: number,
): Advance {
  if (state.status === 'entering') return at(definition.steps[0] ?? null, 1, now, []);
  if (state.status !== 'active') return { state, effects: [], wakeAt: null, listens: false, trail: [] };
  const step = definition.steps.find(({ key }) => key === state.step);
  if (step === undefined) {
    return {
      state: { status: 'exited', reason: 'broken' },
      effects: [],
      wakeAt: null,
      listens: false,
      trail: [],
    };
  }
  const { outcome } = facts;
  if (outcome === null || outcome.step !== state.step || outcome.visit !== state.visit)
    return rest(step, state, now, []);
  const next = definition.steps.find(({ key }) => key === step.next) ?? null;
  return at(next, state.visit + 1, now, [
    { step: state.step, visit: state.visit, what: outcome.result, detail: null },
  ]);
}

function at(step: Step | null, visit: number, now: number, trail: readonly Footprint[]): Advance {
  if (step === null) {
    return {
      state: { status: 'completed', reason: 'end' },
      effects: [],
      wakeAt: null,
      listens: false,
      trail,
    };
  }
  const state: Active = { status: 'active', step: step.key, visit, since: now };
  return rest(step, state, now, [...trail, { step: step.key, visit, what: 'arrived', detail: null }]);
}

function rest(step: Step, state: Active, now: number, trail: readonly Footprint[]): Advance {
  const { visit } = state;
  const effects =
    step.type === 'send'
      ? [{ kind: 'send' as const, step: step.key, visit, channel: step.channel, message: step.message }]
      : [];
  return { state, effects, wakeAt: now, listens: false, trail };
}
