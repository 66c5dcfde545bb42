import type { Problem } from '../errors/index.js';
import { isObject } from '../filter/parse/context.js';
import { collectTraits } from './check.js';
import type { CheckOptions } from './check.js';
import { insteadOfReserved } from './known-traits.js';
import { collectProperties } from './track.js';

/** What is left of traits or properties when that which cannot be stored is taken out. */
export interface Storable {
  readonly values: unknown;
  /** What was taken out, and why. */
  readonly refused: readonly Problem[];
}

/**
 * Takes out of traits what cannot be stored, so that the rest can be, for callers who would not learn of a refusal.
 * With `keepReserved` reserved names stay in, so that they refuse the call as they always do.
 */
export function storableTraits(
  traits: unknown,
  { keepReserved = false, ...options }: CheckOptions & { readonly keepReserved?: boolean } = {},
): Storable {
  return storablePart(
    traits,
    (values, problems) => void collectTraits(values, problems, options),
    (key) => keepReserved && insteadOfReserved(key) !== null,
  );
}

/** The same for the properties of an event. */
export function storableProperties(properties: unknown): Storable {
  return storablePart(properties, collectProperties, () => false);
}

function storablePart(
  values: unknown,
  check: (values: unknown, problems: Problem[]) => void,
  isKept: (key: string) => boolean,
): Storable {
  const problemsOf = (some: unknown): Problem[] => {
    const problems: Problem[] = [];
    check(some, problems);
    return problems;
  };
  const problems = problemsOf(values);
  if (problems.length === 0) return { values, refused: [] };
  if (!isObject(values)) return { values: undefined, refused: problems };
  const good: Record<string, unknown> = { __proto__: null };
  const kept: Record<string, unknown> = { __proto__: null };
  const refused: Problem[] = [];
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (isKept(key)) {
      kept[key] = value;
      continue;
    }
    const own = problemsOf({ __proto__: null, [key]: value });
    if (own.length === 0) good[key] = value;
    else refused.push(...own);
  }
  // Each may be good by itself, and all of them together too large.
  const together = problemsOf(good);
  if (together.length > 0) return { values: kept, refused: [...refused, ...together] };
  return { values: Object.assign(good, kept), refused };
}
