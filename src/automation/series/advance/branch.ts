import { matches } from './ask.js';
import type { Meaning } from './view.js';

/**
 * Goes to the first arm, in the order written, whose filter the person matches at this instant; to `next` where none does.
 * A missing trait matches no comparison, so people without it take `next` unless an arm asks for `missing`. Traits that the
 * series set before are seen.
 */
export const branch: Meaning<'branch'> = (step, _place, { person, moment }) => {
  const index = step.arms.findIndex(({ when }) => matches(when, person, moment));
  const arm = step.arms[index];
  if (arm === undefined) {
    return { kind: 'go', to: step.next, noted: { what: 'took_arm', detail: 'otherwise' } };
  }
  return { kind: 'go', to: arm.to, noted: { what: 'took_arm', detail: String(index + 1) } };
};
