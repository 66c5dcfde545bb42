import { MusterError } from '../../errors/index.js';
import { Check } from '../series/parse/check.js';
import { namesOf } from '../series/parse/known.js';
import { triggerOf } from '../series/parse/trigger.js';
import type { ClockTrigger } from '../series/triggers.js';

/**
 * When something comes about, as it was written and saved: `{"type": "schedule", ...}` or `{"type": "date", ...}`.
 *
 * Errors: those of a trigger, where this Muster refuses what was accepted once.
 */
export function planOf(document: unknown): ClockTrigger {
  const check = new Check();
  const trigger = triggerOf(check, document, namesOf({}));
  if (trigger === null) throw new MusterError(check.problems);
  if (trigger.type !== 'date' && trigger.type !== 'schedule') {
    throw new Error(`\`${trigger.type}\` does not come about by the clock`);
  }
  return trigger;
}

/** What is wrong with a saved plan, or null. */
export function planFault(document: unknown): string | null {
  try {
    planOf(document);
    return null;
  } catch (error) {
    if (error instanceof MusterError) return error.message;
    throw error;
  }
}
