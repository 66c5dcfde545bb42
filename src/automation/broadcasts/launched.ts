import type { MessageTemplate } from '../series/model.js';
import type { Chunk } from './claim-chunk.js';
import type { BroadcastDefinition } from './model.js';
import { needsOf } from './needs.js';
import type { Needs } from './needs.js';
import { parseLaunched } from './parse.js';

/** A broadcast as it was launched, ready to be sent. */
export interface LaunchedBroadcast {
  readonly definition: BroadcastDefinition;
  readonly messages: ReadonlyMap<string, MessageTemplate>;
  readonly needs: Needs;
}

/** Runs kept in memory; the one used longest ago goes first. */
const kept = 100;

/** Reads each run's definition once: it never changes. Errors: those of `parseBroadcast`. */
export function launchedReader(): (chunk: Chunk) => LaunchedBroadcast {
  const known = new Map<string, LaunchedBroadcast>();
  return ({ workspace, run, definition: written }) => {
    const key = `${workspace}\n${run}`;
    let found = known.get(key);
    if (found === undefined) {
      const definition = parseLaunched(written);
      const messages = new Map(definition.variants.map((variant) => [variant.key, variant.message]));
      found = { definition, messages, needs: needsOf(definition) };
    }
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > kept && oldest !== undefined) known.delete(oldest);
    return found;
  };
}
