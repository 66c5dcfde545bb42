import { parseSeries as parseSimple } from './definition.js';
import type { SeriesDefinition } from './model.js';

/** What a workspace has, for names in a series to be checked against. */
export interface KnownNames {
  /** Channels that a message can go to; by default those that Muster ships with. */
  readonly channels?: readonly string[];
  /** Endpoints that a webhook step can call; null or absent where any name may stand. */
  readonly endpoints?: readonly string[] | null;
  /** Segments that can start a series; null or absent where any name may stand. */
  readonly segments?: readonly string[] | null;
}

/**
 * Checks a series as written in JSON and returns it typed. Errors: a `MusterError` with every problem found, each with
 * its JSON Pointer.
 */
export function parseSeries(input: unknown, _known: KnownNames = {}): SeriesDefinition {
  const simple = parseSimple(input);
  return {
    key: simple.key,
    name: simple.name,
    trigger: simple.trigger,
    audience: simple.audience,
    entry: { kind: 'once' },
    exit: null,
    goal: null,
    quietHours: null,
    sendWindow: null,
    frequencyCaps: [],
    holdout: 0,
    steps: simple.steps.map((step, index) => ({ ...step, next: simple.steps[index + 1]?.key ?? null })),
    source: simple.source,
  };
}
