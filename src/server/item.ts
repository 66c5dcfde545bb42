import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { eventLimit } from './failures.js';

/** Levels of lists and objects in one item of a batch; traits and properties alone may have 64. */
const depthLimit = 66;

/**
 * What keeps one item of a batch from being looked at further: it is larger than a call of its own may be, or nested
 * so deeply that code which follows it would run out of stack.
 */
export function itemFault(item: unknown): Problem | null {
  if (isDeeper(item, depthLimit)) return problem('item_too_deep', { limit: depthLimit });
  const count = Buffer.byteLength(JSON.stringify(item));
  return count > eventLimit ? problem('event_too_large', { count, limit: eventLimit }) : null;
}

/** Without recursion, because depth is what it is about. */
function isDeeper(item: unknown, limit: number): boolean {
  let level: unknown[] = [item];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth >= limit) return true;
      for (const part of Array.isArray(value) ? value : Object.values(value)) {
        if (typeof part === 'object' && part !== null) next.push(part);
      }
    }
    level = next;
  }
  return false;
}
