import { advance } from '../../../src/automation/series/advance.js';
import type { SeriesDefinition } from '../../../src/automation/series/model.js';
import type { Advance, Facts, Outcome, SeriesState } from '../../../src/automation/series/moves.js';
import { parseSeries } from '../../../src/automation/series/parse.js';
import { MusterError } from '../../../src/errors/index.js';

/** A series document of the given steps; a step without a key is called after its place, `s1` and so on. */
export function documentOf(
  steps: readonly Record<string, unknown>[],
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    key: 'test',
    name: 'Test',
    trigger: { type: 'user_created' },
    steps: steps.map((step, index) => ({ key: `s${index + 1}`, ...step })),
    ...more,
  };
}

export function seriesOf(
  steps: readonly Record<string, unknown>[],
  more: Record<string, unknown> = {},
): SeriesDefinition {
  return parseSeries(documentOf(steps, more));
}

export const hello = { type: 'send', channel: 'inbox', message: { text: 'Hello' } };

/** Codes and paths of everything that is wrong with a document. */
export function problemsOf(input: unknown, known = {}): [string, string][] {
  try {
    parseSeries(input, known);
  } catch (error) {
    if (error instanceof MusterError) return error.problems.map(({ code, path }) => [code, path]);
    throw error;
  }
  return [];
}

/** Instant of ISO text. */
export function at(text: string): number {
  return Date.parse(text);
}

/** ISO text of an instant, for a readable failure. */
export function iso(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}

export function factsOf(more: Partial<Facts> = {}): Facts {
  return {
    person: { user_id: 'ada', name: 'Ada', custom_fields: {} },
    zone: 'UTC',
    workspaceZone: 'UTC',
    suppressed: false,
    happening: { kind: 'user_created', name: null, properties: {} },
    entries: { count: 0, inside: false, lastAt: null },
    contacts: [],
    outcome: null,
    ...more,
  };
}

export function active(step: string, since: number, visit = 1): SeriesState {
  return { status: 'active', step, visit, since };
}

export function outcomeOf(state: SeriesState, result: Outcome['result'] = 'delivered'): { outcome: Outcome } {
  if (state.status !== 'active') throw new Error(`nobody waits for an outcome in ${state.status}`);
  return { outcome: { step: state.step, visit: state.visit, result } };
}

export function enter(series: SeriesDefinition, facts: Facts, now: number): Advance {
  return advance(series, { status: 'entering' }, facts, now);
}

/** The steps and happenings of a trail, such as `s1 arrived`. */
export function told({ trail }: Advance): string[] {
  return trail.map(({ step, what, detail }) => [step, what, ...(detail === null ? [] : [detail])].join(' '));
}
