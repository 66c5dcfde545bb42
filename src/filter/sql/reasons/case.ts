import { reasons } from '../../explain/reason.js';
import type { Reason } from '../../explain/reason.js';

/** A reason as the small number that it is in a statement: its place in `reasons`. */
export function codeOf(reason: Reason): string {
  return String(reasons.indexOf(reason));
}

export type Arm = readonly [condition: string, answer: string];

/** The answer of the first condition that is true; one that is NULL is passed over. */
export function firstOf(arms: readonly Arm[], otherwise: string): string {
  if (arms.length === 0) return otherwise;
  return `CASE ${arms.map(([condition, answer]) => `WHEN ${condition} THEN ${answer}`).join(' ')} ELSE ${otherwise} END`;
}

/** Holds, or for this reason does not. */
export function holdsOr(condition: string, reason: Reason): string {
  return firstOf([[condition, codeOf('matched')]], codeOf(reason));
}
