import { percentOf } from '../../../filter/values.js';
import type { Meaning } from './view.js';

/**
 * Goes to an arm by chance that is settled once: the same hash as `percent`, salted with series and step, so that a
 * person takes the same arm at every visit and in every run, and different splits are independent. The arms take
 * their shares of the hash's range in the order written; where a person has no id, which identified and
 * visiting people always have, the last one is theirs.
 */
export const split: Meaning<'split'> = (step, _place, { definition, person }) => {
  const share = percentOf(`split:${definition.key}:${step.key}`, person) ?? 100;
  let upTo = 0;
  const found = step.arms.findIndex(({ percent }) => {
    upTo += percent;
    return share < upTo;
  });
  // The shares add up to 100 within what a double can tell.
  const index = found === -1 ? step.arms.length - 1 : found;
  return {
    kind: 'go',
    to: step.arms[index]?.to ?? null,
    noted: { what: 'took_arm', detail: String(index + 1) },
  };
};
