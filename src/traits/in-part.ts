import { MusterError } from '../errors/index.js';
import type { ErrorCode, Problem } from '../errors/index.js';
import { child, isObject } from '../filter/parse/context.js';
import { knownTrait } from './known-traits.js';

/** Refusals that only the database knows: what fits with what is there. */
const bounds: ReadonlySet<ErrorCode> = new Set([
  'too_many_trait_keys',
  'too_many_custom_traits',
  'custom_traits_too_large',
]);

export interface SomeTraits {
  readonly traits?: unknown;
  readonly companyTraits?: unknown;
  readonly fill?: unknown;
}

/**
 * Does a call for a sender who does not learn of a refusal: where bounds refuse traits, it is done without them. Of a
 * person or company who would hold too much all custom traits of the call are left out.
 *
 * @returns what was left out beside the answer
 */
export async function inPart<C extends SomeTraits, T>(
  sent: C,
  of: 'user' | 'company',
  work: (call: C) => Promise<T>,
): Promise<{ readonly answer: T; readonly refused: readonly Problem[] }> {
  const refused: Problem[] = [];
  let call = sent;
  for (;;) {
    try {
      return { answer: await work(call), refused };
    } catch (error) {
      if (!(error instanceof MusterError) || !error.problems.every(({ code }) => bounds.has(code)))
        throw error;
      // What only fills is a by-product, and refuses nothing.
      if (call.fill !== undefined) {
        call = { ...call, fill: undefined };
        continue;
      }
      const paths = new Set(error.problems.map(({ path }) => path));
      const rest = {
        ...call,
        traits: without(call.traits, '/traits', of, paths),
        companyTraits: without(call.companyTraits, '/company_traits', 'company', paths),
      };
      // What is too much was there before, or comes from a visitor who is joined.
      if (sizeOf(rest) === sizeOf(call)) throw error;
      refused.push(...error.problems);
      call = rest;
    }
  }
}

function without(traits: unknown, at: string, of: 'user' | 'company', paths: ReadonlySet<string>): unknown {
  if (!isObject(traits)) return traits;
  const left: Record<string, unknown> = { __proto__: null };
  for (const [key, value] of Object.entries(traits)) {
    const isCustom = paths.has(at) && knownTrait(key, of) === null && value !== null;
    if (!isCustom && !paths.has(child(at, key))) left[key] = value;
  }
  return left;
}

function sizeOf({ traits, companyTraits }: SomeTraits): number {
  return [traits, companyTraits].reduce<number>(
    (sum, part) => sum + (isObject(part) ? Object.keys(part).length : 0),
    0,
  );
}
