import { earliest, horizonOf, matches } from './advance/ask.js';
import { isHeldOut, refusalOf } from './advance/enter.js';
import { carryOut } from './advance/meanings.js';
import { viewOf } from './advance/view.js';
import type { Place, Verdict, View } from './advance/view.js';
import type { SeriesDefinition, Step } from './model.js';
import type { Advance, Effect, ExitReason, Facts, Footprint, SeriesState } from './moves.js';

/**
 * One move of a series: the next state, what to do there, and when to ask again. `now` is in milliseconds since 1970 (UTC).
 *
 * Pure: production, simulation and tests run this same function. It goes through steps that take no time until one
 * rests, and it may be asked again at any time: nothing is counted but from what state and facts say, so that
 * asking too early or twice changes nothing. What each step means is written in `advance/`, a file for each.
 *
 * At every step it looks in this order: what became of the delivery asked for; whether messages may still be sent
 * to the person, who else leaves; the goal; the exit filter; the step itself.
 *
 * What is over stays over. A step that the version never had, or a thousand moves without a rest, ends the series
 * as `broken`, without an effect: nothing is sent on a guess.
 */
export function advance(
  definition: SeriesDefinition,
  state: SeriesState,
  facts: Facts,
  now: number,
): Advance {
  if (state.status === 'active') {
    return walk({ ...state, isNew: false }, viewOf(definition, facts, now));
  }
  if (state.status !== 'entering') return over(state, [], []);
  const view = viewOf(definition, facts, now);
  const reason = refusalOf(view);
  if (reason !== null) return over({ status: 'refused', reason }, [], []);
  if (isHeldOut(view)) return over({ status: 'held_out' }, [], []);
  const first = definition.steps[0]?.key ?? '';
  return walk({ status: 'active', step: first, visit: 1, since: now, isNew: true }, view);
}

const mostMoves = 1000;

function walk(from: Place, start: View): Advance {
  const effects: Effect[] = [];
  const trail: Footprint[] = [];
  let place = from;
  let view = start;
  for (let moves = 0; moves < mostMoves; moves += 1) {
    const step = stepNamed(view.definition, place.step);
    if (step === undefined) return leave(place, 'broken', effects, trail);
    if (place.isNew) note(trail, place, 'arrived');
    const result = outcomeOf(step, place, view);
    if (result !== null) note(trail, place, result, view.facts.outcome?.detail ?? null);
    if (view.facts.suppressed) return leave(place, 'suppressed', effects, trail);
    if (isMet(view.definition.goal, view)) {
      note(trail, place, 'reached_goal');
      return over({ status: 'completed', reason: 'goal' }, effects, trail);
    }
    if (isMet(view.definition.exit, view)) return leave(place, 'exit_filter', effects, trail);
    const verdict: Verdict | null = result === null ? carryOut(step, place, view) : null;
    if (verdict?.kind === 'leave') return leave(place, verdict.reason, effects, trail);
    if (verdict?.kind === 'deliver' || verdict?.kind === 'rest') {
      if (verdict.kind === 'rest' && verdict.noted !== null)
        note(trail, place, verdict.noted.what, verdict.noted.detail);
      return stay(place, verdict, view, effects, trail);
    }
    if (verdict !== null) {
      note(trail, place, verdict.noted.what, verdict.noted.detail);
      if (verdict.sets !== undefined) {
        effects.push(verdict.sets.effect);
        view = { ...view, person: verdict.sets.person };
      }
    }
    const to = verdict === null ? step.next : verdict.to;
    if (to === null) return over({ status: 'completed', reason: 'end' }, effects, trail);
    place = { status: 'active', step: to, visit: place.visit + 1, since: view.now, isNew: true };
  }
  const broken = { step: place.step, visit: place.visit, what: 'exited', detail: 'broken' } as const;
  return over({ status: 'exited', reason: 'broken' }, [], [broken]);
}

function note(
  trail: Footprint[],
  { step, visit }: Place,
  what: Footprint['what'],
  detail: string | null = null,
): void {
  trail.push({ step, visit, what, detail });
}

function leave(place: Place, reason: ExitReason, effects: readonly Effect[], trail: Footprint[]): Advance {
  note(trail, place, 'exited', reason);
  return over({ status: 'exited', reason }, effects, trail);
}

function stay(
  { step, visit, since }: Place,
  verdict: Extract<Verdict, { kind: 'rest' | 'deliver' }>,
  view: View,
  effects: readonly Effect[],
  trail: readonly Footprint[],
): Advance {
  const state = { status: 'active', step, visit, since } as const;
  const { goal, exit } = view.definition;
  const mayLeave = goal !== null || exit !== null;
  if (verdict.kind === 'deliver') {
    return { state, effects: [...effects, verdict.effect], wakeAt: view.now, listens: mayLeave, trail };
  }
  const turns = [goal, exit].map((filter) =>
    filter === null ? null : horizonOf(filter, view.person, view.moment, verdict.wakeAt),
  );
  const wakeAt = earliest([verdict.wakeAt, ...turns]);
  return { state, effects, wakeAt, listens: verdict.listens || mayLeave, trail };
}

function over(state: SeriesState, effects: readonly Effect[], trail: readonly Footprint[]): Advance {
  return { state, effects, wakeAt: null, listens: false, trail };
}

/** What became of the delivery that was asked for here; an outcome of another step or visit is old news. */
function outcomeOf(step: Step, { visit }: Place, { facts: { outcome } }: View): Footprint['what'] | null {
  if (outcome === null || (step.type !== 'send' && step.type !== 'webhook')) return null;
  return outcome.step === step.key && outcome.visit === visit ? outcome.result : null;
}

function isMet(filter: SeriesDefinition['goal'], { person, moment }: View): boolean {
  return filter !== null && matches(filter, person, moment);
}

const stepsOf = new WeakMap<SeriesDefinition, ReadonlyMap<string, Step>>();

function stepNamed(definition: SeriesDefinition, key: string): Step | undefined {
  let steps = stepsOf.get(definition);
  if (steps === undefined) {
    steps = new Map(definition.steps.map((step) => [step.key, step]));
    stepsOf.set(definition, steps);
  }
  return steps.get(key);
}
