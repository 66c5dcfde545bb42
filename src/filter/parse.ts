import { MusterError, refuse } from '../errors/index.js';
import { newTally } from './parse/context.js';
import type { Context, Scope } from './parse/context.js';
import { jsonFault } from './parse/json.js';
import { parseNode } from './parse/node.js';
import type { Filter } from './tree.js';

export interface ParseOptions {
  /** The workspace's saved segments, by key, as JSON: what `segment` may name. Without them it is refused. */
  readonly segments?: ReadonlyMap<string, unknown>;
  /** Key of the segment whose filter this is going to be: it cannot stand inside itself. */
  readonly self?: string;
}

/**
 * Reads a filter, a JSON value in the shape of JSON Logic, into the typed tree that every reader takes.
 *
 * Errors: one `MusterError` with every problem found (up to `limits.problems`), each with the JSON Pointer of its
 * place in the input. Whatever the input, nothing else is thrown, and the work is linear in its size.
 */
export function parseFilter(input: unknown, options: ParseOptions = {}): Filter {
  return parseIn('people', input, options);
}

/**
 * As `parseFilter`, for a condition on one event: its fields are `property:KEY`, as in the `where` of `did`. A record
 * for it is made by `recordOfEvent`.
 */
export function parseEventFilter(input: unknown): Filter {
  return parseIn('properties', input, {});
}

/** What one parse begins with. For documents that hold conditions among other things; a filter alone is `parseFilter`. */
export function newContext(scope: Scope, { segments, self }: ParseOptions = {}): Context {
  return {
    tally: newTally(),
    scope,
    segments:
      segments === undefined
        ? null
        : { saved: segments, known: new Map(), within: self === undefined ? [] : [self] },
    parseNode,
  };
}

function parseIn(scope: Scope, input: unknown, options: ParseOptions): Filter {
  const context = newContext(scope, options);
  const filter = parseNode(input, '', 1, context);
  if (filter === null || context.tally.problems.length > 0) throw new MusterError(context.tally.problems);
  return filter;
}

/** Reads a filter from JSON text. Errors: those of `readFilterText` and `parseFilter`. */
export function parseFilterText(json: string, options: ParseOptions = {}): Filter {
  return parseFilter(readFilterText(json), options);
}

/**
 * The document that a JSON text writes, for `parseFilter`. Errors: `filter_not_json` with line and column; `duplicate_key`,
 * because JSON keeps only the last of two equal keys and the conditions of the first would be lost.
 */
export function readFilterText(json: string): unknown {
  const fault = jsonFault(json);
  if (fault !== null) {
    if (fault.code === 'duplicate_key')
      return refuse('duplicate_key', { key: fault.reason, position: fault.position });
    return refuse('filter_not_json', { reason: `${fault.reason} at ${fault.position}` });
  }
  return JSON.parse(json) as unknown;
}
