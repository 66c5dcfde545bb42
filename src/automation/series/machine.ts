import type { ChannelName, MessageTemplate, SeriesDefinition } from './definition.js';

/**
 * Where one person stands in a series.
 *
 *     entering --> active at step 1 --> ... --> active at step n --> completed
 *
 * `visit` counts how often this step was reached: a later loop in a series reaches one again.
 */
export type SeriesState =
  | { readonly status: 'entering' }
  | { readonly status: 'active'; readonly step: string; readonly visit: number }
  | { readonly status: 'completed' }
  | { readonly status: 'exited' };

/** What became of an effect that the machine asked for. */
export interface Outcome {
  readonly step: string;
  readonly visit: number;
  /** `failed`: given up after the last attempt. The series goes on; the delivery keeps the reason. */
  readonly result: 'delivered' | 'failed';
}

/** What the machine may know besides the definition. */
export interface Facts {
  readonly outcome: Outcome | null;
}

export interface SendEffect {
  readonly kind: 'send';
  readonly step: string;
  readonly visit: number;
  readonly channel: ChannelName;
  readonly message: MessageTemplate;
}

export type Effect = SendEffect;

export interface Advance {
  readonly state: SeriesState;
  /** What is to be done at this state, each once its time has come. */
  readonly effects: readonly Effect[];
  /** When to do it, in milliseconds since 1970 (UTC); null where nothing is left to do. */
  readonly wakeAt: number | null;
}

/**
 * One move of a series: the next state, what to do there, and when. `now` is in milliseconds since 1970 (UTC).
 *
 * Pure: production, simulation and tests run this same function. An outcome that does not belong to the present step
 * and visit is old news and moves nothing; without an outcome the present step's effects are named again.
 */
export function advance(
  definition: SeriesDefinition,
  state: SeriesState,
  facts: Facts,
  now: number,
): Advance {
  if (state.status === 'entering') return at(definition, 0, now);
  if (state.status !== 'active') return { state, effects: [], wakeAt: null };
  const index = definition.steps.findIndex((step) => step.key === state.step);
  // A version never changes, so a step that is not there was never in it: nothing is sent on a guess.
  if (index === -1) return { state: { status: 'exited' }, effects: [], wakeAt: null };
  const { outcome } = facts;
  const over = outcome !== null && outcome.step === state.step && outcome.visit === state.visit;
  return at(definition, over ? index + 1 : index, now, over ? 1 : state.visit);
}

function at(definition: SeriesDefinition, index: number, now: number, visit = 1): Advance {
  const step = definition.steps[index];
  if (step === undefined) return { state: { status: 'completed' }, effects: [], wakeAt: null };
  return {
    state: { status: 'active', step: step.key, visit },
    effects: [{ kind: 'send', step: step.key, visit, channel: step.channel, message: step.message }],
    wakeAt: now,
  };
}
