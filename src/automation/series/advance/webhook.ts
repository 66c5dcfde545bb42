import type { Meaning } from './view.js';

/**
 * Calls an endpoint of the workspace, and goes on when it is known what became of the call; one that fails does not
 * end the series. It is no message to the person: quiet hours, send window and frequency caps do not hold it back.
 */
export const webhook: Meaning<'webhook'> = (step, place) => {
  const { endpoint, payload } = step;
  return {
    kind: 'deliver',
    effect: { kind: 'webhook', step: step.key, visit: place.visit, endpoint, payload },
  };
};
